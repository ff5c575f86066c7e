"""Several objectives from a generated table to the report: a Pareto front, stored whole, and its knee."""

import json

import pytest

from recspace.runtime.fronts import dominates, knee

from .calling import call, called, triples

SPACE = """
space Two "How wide, against what is stored"

let e[f in fields] = embed(f, choose dim from {2, 4, 8})
predict  sigmoid(linear(concat(e), 1))
minimize logloss, parameters(e)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    place = tmp_path_factory.mktemp("front")
    triples(place / "planted.parquet", 6, 800)
    (place / "two.space").write_text(SPACE)
    strategy = "nsga2(trials = 9, population = 3, epochs = 2, batch_size = 128, optimizer = adam(lr = 0.03))"
    arguments = ("run", place / "two.space", "--data", place / "planted.parquet", "-o", place / "run")
    result = call(*arguments, "--strategy", strategy)
    assert result.returncode == 0, result.stderr
    return place / "run", result.stdout


def scores(trial):
    return (trial["score"], -trial["costs"]["parameters(e)"])


def test_the_front_is_stored_whole_and_its_knee_is_taken(finished):
    folder, text = finished
    trials = called("trials", folder)["trials"]
    document = json.loads((folder / "front.json").read_text())
    expected = [t for t in trials if not any(dominates(scores(o), scores(t)) for o in trials)]
    assert {t["trial"] for t in document["trials"]} == {t["trial"] for t in expected}
    assert 1 < len(expected) < len(trials)
    ordered = sorted(expected, key=lambda t: t["trial"])
    chosen = ordered[knee([scores(t) for t in ordered])]
    assert document["knee"] == chosen["trial"]
    architecture = json.loads((folder / "architecture.json").read_text())
    (dim,) = architecture["decisions"]
    assert {e["name"]: e["value"] for e in dim["elements"]} == chosen["chosen"]["dim"]
    assert f"{len(expected)} of them are the front of auc and parameters(e), in front.json" in text
    assert f"its knee is taken, trial {chosen['trial'] + 1}:" in text
    report = json.loads((folder / "report.json").read_text())
    assert report["stages"][1]["knee"] == chosen["trial"]
    # The model is the knee's own, as it was trained, and costs what was said.
    assert report["searched"]["trained"]
    linear = 1 + sum(chosen["chosen"]["dim"].values())
    stored = report["searched"]["parameters"] - linear
    unknown = sum(chosen["chosen"]["dim"].values())
    assert stored - unknown == chosen["costs"]["parameters(e)"]


def test_both_objectives_are_exported(finished):
    import optuna

    path = finished[0].parent / "study.db"
    assert call("export", finished[0], "-o", path).returncode == 0
    study = optuna.load_study(study_name="Two 0.nsga2", storage=f"sqlite:///{path}")
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    front = json.loads((finished[0] / "front.json").read_text())["trials"]
    assert {t.number for t in study.best_trials} == {t["trial"] for t in front}

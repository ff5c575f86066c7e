"""AutoCross in processes of its own, on tables whose true crosses are known."""

import json

import pytest

from .calling import call, called

SYNTH = {
    2: ("--fields", "7", "--groups", "3", "--cardinality", "8", "--rows", "20000"),
    3: ("--fields", "7", "--groups", "2", "--cardinality", "5", "--rows", "30000"),
}


def crosses(folder):
    (found,) = json.loads((folder / "architecture.json").read_text())["decisions"]
    return set(found["elements"][0]["value"])


@pytest.mark.parametrize(("order", "strategy"), [(2, ()), (3, ("--strategy", "any", "--set", "order=3"))])
def test_planted_crosses_are_found(tmp_path, order, strategy):
    table = tmp_path / "planted.parquet"
    plan = ("--order", str(order), "--decoys", "1", "--seed", "1", *SYNTH[order])
    truth = called("data", "synth", "-o", table, *plan)
    folder = tmp_path / "run"
    found = called("run", "autocross", "--data", table, "-o", folder, "--seed", "1", *strategy)
    assert crosses(folder) >= {"*".join(group) for group in truth["groups"]}
    report = found["report"]
    best, hand_made = truth["oracle_auc"], report["hand_made"]["test"]["auc"]
    assert hand_made < best - 0.15
    assert report["searched"]["test"]["auc"] > best - 0.05


def test_a_recipe_that_needs_the_supernet_is_refused_before_anything_is_trained(tmp_path):
    table = tmp_path / "planted.parquet"
    called("data", "synth", "-o", table, *SYNTH[2], "--rows", "500")
    result = call("run", "autocross", "--data", table, "-o", tmp_path / "run", "--strategy", "warmup() random()")
    assert result.returncode == 1
    assert "error[S0630]" in result.stderr
    assert not (tmp_path / "run").exists()
    for recipe, model in (("random(trials = 2)", "hand-made"), ("warmup() random(evaluate = inherited)", "supernet")):
        space = "autocross" if model == "hand-made" else "autofis"
        found = called("run", space, "--data", table, "--strategy", recipe, "--dry-run")
        assert found["model"] == model

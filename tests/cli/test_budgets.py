"""Several budgets from one search: those of a recipe and those of profiles, as a user starts them."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.compiler.cost import cost
from recspace.dsl import SpaceError
from recspace.profiles import profile
from recspace.running import start as begin
from recspace.runtime.registry import promises
from recspace.runtime.report import read_architecture
from recspace.runtime.settings import Settings

SPACE = """space Small
choose dim[f in fields] from {1, 2, 4, 8}
let e[f in fields] = align[f](embed(f, dim[f]), 8)
predict sigmoid(bias() + sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
REQUIRE
search {
  relax(as = softmax, epochs = 2, batch_size = 256)
  derive(BUDGETS)
  retrain(epochs = 2, batch_size = 256, optimizer = adam(lr = 0.02))
}
search sampled { random(trials = 6, BUDGETS, epochs = 1, batch_size = 256) }
"""
BUDGETS = "budgets = [20%, 50%], of = parameters(e)"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("budgets")
    rng = np.random.default_rng(3)
    ids = {"user": rng.integers(0, 40, 2000), "item": rng.integers(0, 30, 2000), "kind": rng.integers(0, 3, 2000)}
    logit = rng.choice([-1.5, 1.5], 40)[ids["user"]] + rng.choice([-1.5, 1.5], 30)[ids["item"]]
    columns = {name: [f"{name[0]}{v:02}" for v in own] for name, own in ids.items()}
    label = (rng.random(2000) < 1 / (1 + np.exp(-logit))).astype(int)
    pl.DataFrame({**columns, "label": label}).write_parquet(folder / "t.parquet")
    (folder / "small.space").write_text(SPACE.replace("REQUIRE", "").replace("BUDGETS", BUDGETS))
    (folder / "bare.space").write_text(SPACE.replace("REQUIRE", "").replace("BUDGETS, ", "").replace("BUDGETS", ""))
    (folder / "phone.toml").write_text('memory = "2 kB"\nflops = 300\n')
    return folder


def command(place, *words):
    return subprocess.run(
        [sys.executable, "-m", "recspace", "run", *map(str, words), "--data", str(place / "t.parquet")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(place):
    done = command(place, place / "small.space", "-o", place / "run", "--profile", place / "phone.toml")
    assert done.returncode == 0, done.stderr
    assert "budget 20%: AUC" in done.stdout
    return place / "run"


def space_of(place, name="small"):
    return recspace.compile(place / f"{name}.space", place / "t.parquet")


def test_every_budget_has_a_model_from_one_search(folder, place):
    report = json.loads((folder / "report.json").read_text())
    rows = {row["budget"]: row for row in report["budgets"]}
    assert list(rows) == ["20%", "50%", "phone"]
    names = [s["stage"] for s in report["stages"]]
    assert names.count("0.relax") == 1
    assert [n for n in names if "@" in n] == [f"{s}@{b}" for b in rows for s in ("1.derive", "2.retrain")]
    space = space_of(place)
    for budget, row in rows.items():
        assert all(c["cost"] <= c["allowed"] for c in row["costs"])
        own = folder / row["folder"]
        architecture, _ = read_architecture(own, space.decisions)
        counted = cost("parameters", space.graph, space.schema, promises(), architecture)
        unknown = sum(2**option for option in architecture["dim"])
        assert row["parameters"] == counted + unknown
        assert row["file_bytes"] == (own / "model.safetensors").stat().st_size
        predicted = recspace.Run(own).predict(place / "t.parquet")
        assert predicted.std() > 0, budget
    assert rows["20%"]["embedding_bytes"] <= rows["50%"]["embedding_bytes"]
    assert len(rows["phone"]["costs"]) == 2


def test_nothing_better_could_have_been_bought(folder, place):
    """Every other set of widths within the budget weighs less."""
    import itertools

    space = space_of(place)
    document = json.loads((folder / "budgets" / "20%" / "architecture.json").read_text())
    weights = [np.log(np.maximum(e["weight"], 1e-12)) for e in document["decisions"][0]["elements"]]
    chosen = [int(e["value"]).bit_length() - 1 for e in document["decisions"][0]["elements"]]
    from recspace.budgeting import targets_of
    from recspace.recipes import recipe_of

    purse = targets_of(space.verdict, recipe_of(space.verdict, ""), ())[0].purse
    worth = {
        options: sum(w[o] for w, o in zip(weights, options, strict=True))
        for options in itertools.product(range(4), repeat=3)
        if purse.met({"dim": options})
    }
    assert worth[tuple(chosen)] == pytest.approx(max(worth.values()), abs=1e-5)


def test_a_budget_among_several_ends_as_it_does_alone(folder, place):
    text = SPACE.replace("REQUIRE", "require parameters(e) <= 20%").replace("BUDGETS, ", "").replace("BUDGETS", "")
    (place / "alone.space").write_text(text)
    recspace.search(space_of(place, "alone"), place / "alone")
    alone, among = (load_file(p / "model.safetensors") for p in (place / "alone", folder / "budgets" / "20%"))
    assert alone.keys() == among.keys()
    assert all((alone[n] == among[n]).all() for n in alone)


def test_a_run_that_was_cut_off_ends_with_the_same_bits(folder, place, tmp_path):
    again = tmp_path / "run"
    settings = Settings(checkpoint_steps=7, profiles=(profile(place / "phone.toml"),))
    start = lambda stop: begin(space_of(place), settings, again, stop)  # noqa: E731
    resume = lambda stop: recspace.Run(again).resume(progress=stop)  # noqa: E731
    assert interruptions(start, resume, 13) > 3
    for name in (".", "budgets/20%", "budgets/50%", "budgets/phone"):
        assert essence(again / name)[0] == essence(folder / name)[0]


def test_a_sampler_has_the_best_within_each(place, tmp_path):
    run = recspace.search(space_of(place), tmp_path / "run", strategy="sampled")
    (stage,) = [s for s in run.report["stages"] if s["stage"] == "0.random"]
    assert stage["trials"] == 6
    within = [row["costs"][0] for row in run.report["budgets"]]
    assert [c["cost"] <= c["allowed"] for c in within] == [True, True]
    assert all(row["trained"] for row in run.report["budgets"])
    space = space_of(place)
    from recspace.budgeting import targets_of
    from recspace.recipes import recipe_of

    targets = targets_of(space.verdict, recipe_of(space.verdict, "sampled"), ())
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    trials = [e for e in events if e["event"] == "trial"]
    for target, row in zip(targets, run.report["budgets"], strict=True):
        widths = {1: 0, 2: 1, 4: 2, 8: 3}
        own = [t for t in trials if target.purse.met({"dim": tuple(widths[v] for v in t["chosen"]["dim"].values())})]
        assert own  # turns are taken, so that small budgets have trials, too
        best = max(own, key=lambda t: t["score"]["value"] if isinstance(t["score"], dict) else t["score"])
        architecture, _ = read_architecture(tmp_path / "run" / row["folder"], space.decisions)
        assert list(best["chosen"]["dim"].values()) == [2**o for o in architecture["dim"]]


def test_profiles_alone_are_budgets(place, tmp_path):
    settings = Settings(epochs=1, profiles=(profile(place / "phone.toml"),))
    report = begin(space_of(place, "bare"), settings, tmp_path / "run").report
    assert [row["budget"] for row in report["budgets"]] == ["phone"]
    assert {s["stage"] for s in report["stages"]} == {"baseline", "0.relax", "1.derive@phone", "2.retrain@phone"}


PROFILES = {
    "an unknown key": ('memmory = "3 kB"', "S0641"),
    "no amount": ('memory = "much"', "S0641"),
    "a unit of another kind": ('memory = "3 kilo"', "S0641"),
    "below zero": ("flops = -1", "S0641"),
    "no TOML": ("memory: 3", "S0642"),
    "empty": ("", "S0642"),
    "out of reach": ('memory = "100 kB"\nflops = 3', "S0640"),
    "faster than any device": ('latency = "1 us"', "S0640"),
}


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_that_are_refused(place, tmp_path, name):
    text, code = PROFILES[name]
    (tmp_path / "p.toml").write_text(text)

    def started():
        begin(space_of(place), Settings(profiles=(profile(tmp_path / "p.toml"),)), tmp_path / "run")

    with pytest.raises(SpaceError) as refused:
        started()
    assert {d.code for d in refused.value.diagnostics} == {code}
    assert all(d.help for d in refused.value.diagnostics)
    if code == "S0640":
        (found,) = refused.value.diagnostics
        assert ("flops <= 3" if "flops" in text else "latency <= 1 us") in found.message
        assert ("and 3 are allowed" if "flops" in text else "and 0.001 are allowed") in found.message
    assert not (tmp_path / "run" / "report.json").exists()


RECIPES = {
    "no list": ("relax(as = softmax) derive(budgets = 10%)", "S0643"),
    "twice": ("relax(as = softmax) derive(budgets = [50%, 50%])", "S0643"),
    "by two stages": ("random(budgets = [50%]) derive(budgets = [50%])", "S0643"),
    "no amount": ("relax(as = softmax) derive(budgets = [much])", "S0104"),
    "of nothing": ("relax(as = softmax) derive(budgets = [50%], of = cost(e))", "S0104"),
    "out of reach": ("relax(as = softmax) derive(budgets = [50%, 1], of = parameters(e))", "S0640"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_budgets_that_are_refused(place, tmp_path, name):
    strategy, code = RECIPES[name]
    with pytest.raises(SpaceError) as refused:
        recspace.search(space_of(place, "bare"), tmp_path / "run", strategy=strategy)
    assert code in {d.code for d in refused.value.diagnostics}, refused.value.diagnostics
    assert not (tmp_path / "run" / "report.json").exists()

"""NIS: which frequency blocks own which columns, from a table to the files of a run."""

import json
import sys
from subprocess import run as execute

import numpy as np
import polars as pl
import pytest
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.dsl import SpaceError
from recspace.running import start as begin
from recspace.runtime.report import read_architecture
from recspace.runtime.settings import Settings

SET = {"S": 3, "T": 2, "width": 4}
RECIPE = (
    "warmup(decisions = random, epochs = 1, batch_size = 256, optimizer = adam(lr = 0.01)) "
    "reinforce(controller = actor_critic, quality = auc, epochs = 2, batch_size = 256, trials = 4, rows = 256, weights = adam(lr = 0.01)) "
    "retrain(epochs = 2, batch_size = 256, optimizer = adam(lr = 0.01))"
)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The frequent half of the values tells the label, and the rare rest nothing."""
    rng = np.random.default_rng(5)
    users, items = rng.zipf(1.3, 5_000) % 80, rng.zipf(1.3, 5_000) % 60
    taste, kind = rng.normal(size=80), rng.normal(size=60)
    logit = 2 * (taste[users] * (users < 12) + kind[items] * (items < 12))
    label = (rng.random(5_000) < 1 / (1 + np.exp(-logit))).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    pl.DataFrame(
        {"user": [f"u{u:02}" for u in users], "item": [f"i{i:02}" for i in items], "label": label}
    ).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    space = recspace.compile("nis", table, set=SET)
    return recspace.search(space, tmp_path_factory.mktemp("nis") / "run", strategy=RECIPE, seed=1)


def test_it_keeps_within_the_budget_and_stores_no_more(run, table):
    space = recspace.compile("nis", table, set=SET)
    (rows,) = run.architecture["decisions"]
    chosen = tuple(e["value"] for e in rows["elements"])
    assert space.penalty({"rows": chosen}) < 0.5 * space.penalty({"rows": (3, 3)})
    state = load_file(run.folder / "model.safetensors")
    numbers = sum(t.numel() for n, t in state.items() if n.startswith("kept_embed") and t.is_floating_point())
    values = sum(f.cardinality for f in space.schema.fields)
    assert 0 < numbers <= 0.7 * values * SET["width"]
    assert run.report["searched"]["embedding_bytes"] < run.report["hand_made"]["embedding_bytes"]


def test_what_was_judged_is_told_with_its_cost(run):
    (stage,) = [row for row in run.report["stages"] if row["stage"] == "1.reinforce"]
    assert len(stage["judged"]) == 4
    assert {"number", "score", "charge", "failed", "fingerprint"} == set(stage["judged"][0])
    assert stage["rewards"] > 10
    assert stage["metric"] == "auc"


def test_it_goes_on_to_the_same_bits(run, table, tmp_path):
    settings = Settings(seed=1, set=tuple(f"{k}={v}" for k, v in SET.items()), strategy=RECIPE, checkpoint_steps=5)
    count = interruptions(
        lambda stop: begin(recspace.compile("nis", table, set=SET), settings, tmp_path / "run", progress=stop),
        lambda stop: recspace.Run(tmp_path / "run").resume(progress=stop),
        30,
    )
    assert count >= 1
    assert essence(tmp_path / "run")[0] == essence(run.folder)[0]


@pytest.mark.parametrize("recipe", ["relax(as = gate) derive()", "stream(relax(as = softmax)) derive()", "salience()"])
def test_gradients_cannot_see_a_cost(table, tmp_path, recipe):
    space = recspace.compile("nis", table, set=SET)
    with pytest.raises(SpaceError) as refused:
        recspace.search(space, tmp_path / "run", strategy=recipe)
    assert {d.code for d in refused.value.diagnostics} & {"S0652", "S0605"}


def test_gradients_learn_by_what_is_expected_of_a_cost(table, tmp_path):
    space = recspace.compile("nis", table, set=SET)
    recipe = "relax(as = softmax, epochs = 2, batch_size = 512) derive()"
    run = recspace.search(space, tmp_path / "run", strategy=recipe)
    assert space.penalty(read_architecture(run.folder, space.decisions)[0]) < space.penalty(
        {d.name: d.hand_made for d in space.decisions}
    )


def test_samplers_take_costs_into_account(table, tmp_path):
    space = recspace.compile("nis", table, set=SET)
    recipe = "random(trials = 6, epochs = 1, batch_size = 512)"
    run = recspace.search(space, tmp_path / "run", strategy=recipe, seed=1)
    events = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    judged = [e for e in events if e["event"] == "trial"]
    assert any(t.get("charge", 0) > 0 for t in judged)
    best = max(judged, key=lambda t: t["score"] - t.get("charge", 0.0))
    assert best != max(judged, key=lambda t: t["score"])
    (rows,) = run.architecture["decisions"]
    assert {e["name"]: e["value"] for e in rows["elements"]} == best["chosen"]["rows"]


def test_the_command_runs_it(table, tmp_path):
    given = [f"--set={k}={v}" for k, v in SET.items()]
    short = "reinforce(epochs = 1, batch_size = 512, trials = 2, rows = 64)"
    command = [sys.executable, "-m", "recspace", "run", "nis", "--data", str(table), "-o", str(tmp_path / "run")]
    done = execute([*command, "--strategy", short, *given, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)

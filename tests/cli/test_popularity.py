"""Widths of values from their popularity (AMTL), from a table to the files of a run."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.running import start as begin
from recspace.runtime.settings import Settings

WIDTH = 6
RECIPE = "relax(as = softmax, temperature = 0.1, straight_through = true, epochs = 3, batch_size = 256, weights = adam(lr = 0.01)) derive()"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Users and items of very unequal frequency; some rows of validation and test hold users that training does not."""
    rng = np.random.default_rng(3)
    users, items = rng.zipf(1.4, 6_000) % 60, rng.zipf(1.3, 6_000) % 40
    taste, kind = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    label = (rng.random(6_000) < 1 / (1 + np.exp(-(taste[users] * kind[items]).sum(1)))).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    names = {"user": [f"u{u:02}" for u in users], "item": [f"i{i:02}" for i in items], "label": label}
    pl.DataFrame(names).write_parquet(path)
    return path


def compiled(table):
    return recspace.compile("amtl", table, set={"width": WIDTH})


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    return recspace.search(compiled(table), tmp_path_factory.mktemp("amtl") / "run", strategy=RECIPE, seed=2)


def widths_of(run):
    (kept,) = run.architecture["decisions"]
    return {tuple(e["key"]): e["value"] for e in kept["elements"]}


def test_every_value_has_a_width_of_its_own_and_equals_have_equal_ones(run, table):
    widths, space = widths_of(run), compiled(table)
    assert len(widths) == sum(f.cardinality for f in space.schema.fields)
    by_count = {}
    for f in space.schema.fields:
        for v, count in enumerate(space.schema.statistics.counts(f.name).tolist(), 1):
            by_count.setdefault(count, set()).add(widths[f.name, v])
    assert all(len(own) == 1 for own in by_count.values())
    assert {len(by_count), *widths.values()} != {len(by_count), WIDTH}


def test_the_tables_hold_what_is_left_and_no_more(run, table):
    widths = widths_of(run)
    state = load_file(run.folder / "model.safetensors")
    (values,) = [t for n, t in state.items() if n == f"kept_embed_{WIDTH}"]
    unseen = len({f for f, _ in widths})
    assert values.numel() == sum(widths.values()) + unseen
    report = json.loads((run.folder / "report.json").read_text())
    assert report["searched"]["embedding_bytes"] < report["hand_made"]["embedding_bytes"]


def test_the_derived_model_is_the_supernet_with_its_decisions_settled(run):
    """Straight-through: the supernet computes with the width that weighs most already."""
    report = json.loads((run.folder / "report.json").read_text())
    relaxed = next(row for row in report["stages"] if row["stage"] == "0.relax")
    assert report["searched"]["test"]["auc"] == pytest.approx(relaxed["test"]["auc"], abs=1e-6)


def test_it_goes_on_to_the_same_bits(run, table, tmp_path):
    settings = Settings(seed=2, strategy=RECIPE, checkpoint_steps=7)
    count = interruptions(
        lambda stop: begin(compiled(table), settings, tmp_path / "run", progress=stop),
        lambda stop: recspace.Run(tmp_path / "run").resume(progress=stop),
        20,
    )
    assert count >= 2
    assert essence(tmp_path / "run")[0] == essence(run.folder)[0]


def test_fixed_widths_stay(table, tmp_path):
    settled = {("item", 1): 2, ("user", 3): 5}
    fixes = [f"kept[{f},{v}]={w}" for (f, v), w in settled.items()]
    run = recspace.search(compiled(table), tmp_path / "run", strategy=RECIPE, seed=2, fix=fixes)
    widths = widths_of(run)
    assert {key: widths[key] for key in settled} == settled


def test_a_user_who_is_new_has_a_prediction(run, table):
    rows = pl.DataFrame({"user": ["u00", "nobody"], "item": ["i00", "i00"]})
    path = run.folder / "new.parquet"
    rows.write_parquet(path)
    found = torch.as_tensor(run.predict(path))
    assert found.isfinite().all()
    assert found[0] != found[1]

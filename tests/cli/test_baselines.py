"""Every baseline runs to the end on a small table of its task, and learns something there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import recspace
from recspace.dsl import library_path
from recspace.runtime.data import implicit, synth

BASELINES = sorted(p.stem for p in (library_path() / "baselines").glob("*.space"))
QUICK = "train(epochs = 6, batch_size = 128, optimizer = adam(lr = 0.01), patience = 0)"
ROWS = 3000


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tables")
    plan = synth.Plan(fields=4, cardinality=6, rows=ROWS, groups=2, decoys=0, first_order=0.5, seed=2)
    synth.write(plan, folder / "clicks.parquet")
    implicit.write(implicit.Tastes(users=150, items=60, rows=3000, seed=2), folder / "chosen.parquet")
    _visits().write_parquet(folder / "visits.parquet")
    return {p.stem: p for p in folder.glob("*.parquet")}


def _visits() -> pl.DataFrame:
    """Whether an item is clicked depends on whether the user has clicked it before."""
    rng = np.random.default_rng(0)
    past = [[f"i{v}" for v in rng.integers(0, 5, n)] for n in rng.integers(0, 4, ROWS)]
    item = [f"i{v}" for v in rng.integers(0, 5, ROWS)]
    seen = np.array([i in of for i, of in zip(item, past, strict=True)])
    label = (rng.random(ROWS) < np.where(seen, 0.8, 0.2)).astype(np.int8)
    user = [f"u{k % 50}" for k in range(ROWS)]
    return pl.DataFrame({"user": user, "item": item, "history": past, "label": label})


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_runs_and_learns(name, tables, tmp_path):
    table = {"mf": "chosen", "neumf": "chosen", "din": "visits"}.get(name, "clicks")
    text = (library_path() / "baselines" / f"{name}.space").read_text()
    smaller = {p: v for p, v in {"width": 4, "units": [16, 8]}.items() if f"param {p} = " in text}
    space = recspace.compile(name, tables[table], set=smaller)
    assert space.size.value == 1
    run = recspace.search(space, tmp_path / "run", seed=1, strategy=QUICK)
    test = run.report["searched"]["test"]
    if table == "chosen":
        assert test["ndcg@20"] > 0.35
    else:
        assert test["auc"] > 0.62
    model = (tmp_path / "run" / "model.py").read_text()
    assert "choices.get" not in model

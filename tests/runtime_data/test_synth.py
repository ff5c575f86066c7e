"""The planted truth is there, at the planted strength, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.data.infer import infer
from recspace.runtime.data.spec import Category, ColumnSplit
from recspace.runtime.data.synth import Plan, Truth, synthesise, write

SMALL = Plan(fields=6, cardinality=6, rows=40_000, groups=3, decoys=1, seed=3)


def strength(table: pl.DataFrame, fields: tuple[str, ...]) -> float:
    """How far the cells of a group are from an additive prediction: mean excess of chi-square a cell (1 is chance)."""
    label = table["label"].to_numpy() - table["label"].mean()
    codes = [table[f].rank("dense").to_numpy().astype(int) - 1 for f in fields]
    for _ in range(10):
        for code in codes:
            label = label - (np.bincount(code, label) / np.bincount(code))[code]
    cell = np.ravel_multi_index(codes, [c.max() + 1 for c in codes])
    count, total = np.bincount(cell), np.bincount(cell, label)
    full = count > 10
    return float((total[full] ** 2 / (count[full] * 0.25)).mean())


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_default_plan_meets_its_targets(seed: int) -> None:
    table, truth = synthesise(Plan(seed=seed))
    assert table.shape == (200_000, 22)
    assert abs(truth.oracle_auc - 0.8) <= 0.02
    assert truth.first_order_auc <= 0.62
    assert len(set(truth.groups)) == 10
    assert len(truth.decoys) == 2
    assert abs(table["label"].mean() - 0.5) < 0.01
    counts = table["f01"].value_counts(sort=True)["count"].to_numpy()
    assert counts[0] / counts[9] == pytest.approx(10**1.1, rel=0.1)


def test_the_true_pairs_stand_out_and_decoys_are_alike() -> None:
    table, truth = synthesise(SMALL)
    names = [c for c in table.columns if c not in ("label", "split")]
    score = {p: strength(table, p) for p in combinations(names, 2)}
    copies = {tuple(sorted(pair)) for pair in truth.decoys}
    partners = {
        tuple(sorted((decoy, other)))
        for decoy, source in truth.decoys
        for g in truth.groups
        if source in g
        for other in g
        if other != source
    }
    noise = [v for p, v in score.items() if p not in truth.groups and p not in copies and p not in partners]
    assert min(score[g] for g in truth.groups) > 10 * max(noise)
    assert max(noise) < 2.5
    ((decoy, source),) = truth.decoys
    assert source in {f for g in truth.groups for f in g}
    assert not any(decoy in g for g in truth.groups)
    # A decoy repeats its field most of the time, under names of its own.
    top = table.group_by(source, decoy).len().group_by(source).agg(pl.col("len").max() / pl.col("len").sum())
    assert top["len"].min() > 0.85


@pytest.mark.parametrize(("order", "kind"), [(3, "table"), (3, "parity"), (4, "parity"), (2, "parity")])
def test_nothing_shows_below_the_order(order: int, kind: str) -> None:
    # Three parities of four fields can multiply to one of two, which the logistic curve shows: two groups, then.
    few = {"cardinality": 4, "groups": 2} if order == 4 else {"cardinality": 6, "groups": 4}
    plan = replace(SMALL, order=order, kind=kind, decoys=0, first_order=0.0, **few)
    table, truth = synthesise(plan)
    assert abs(truth.oracle_auc - 0.8) <= 0.02
    assert truth.first_order_auc < 0.56
    names = [c for c in table.columns if c not in ("label", "split")]
    assert all(len(group) == order for group in truth.groups)
    planted = min(strength(table, group) for group in truth.groups)
    assert planted > 5
    if order > 2:
        assert max(strength(table, p) for p in combinations(names, 2)) < planted / 2


def test_permuted_labels_hold_nothing() -> None:
    table, truth = synthesise(replace(SMALL, permuted=True))
    assert truth.oracle_auc == pytest.approx(0.5, abs=0.02)
    assert truth.first_order_auc == pytest.approx(0.5, abs=0.03)
    assert max(strength(table, g) for g in truth.groups) < 2


def test_the_same_seed_gives_the_same_table() -> None:
    assert synthesise(SMALL)[0].equals(synthesise(SMALL)[0])
    assert not synthesise(SMALL)[0].equals(synthesise(replace(SMALL, seed=4))[0])


def test_it_is_written_with_its_truth(tmp_path: Path) -> None:
    truth = write(SMALL, tmp_path / "new" / "planted.parquet")
    data = json.loads((tmp_path / "new" / "planted.truth.json").read_text())
    assert data["groups"] == [list(g) for g in truth.groups]
    assert data["plan"]["seed"] == 3
    assert data["oracle_auc"] == truth.oracle_auc
    assert isinstance(truth, Truth)
    spec = infer(tmp_path / "new" / "planted.parquet")
    assert spec.split == ColumnSplit("split")
    assert [f.meaning for f in spec.features] == [Category()] * 6
    assert spec.warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        {"fields": 2},
        {"groups": 99},
        {"order": 1},
        {"order": 4, "cardinality": 100},
        {"rows": 5},
        {"auc": 1.0},
        {"decoys": 5},
        {"positives": 0.0},
        {"seed": -1},
    ],
)
def test_impossible_plans_are_refused(change: dict) -> None:
    with pytest.raises(SpaceError) as caught:
        synthesise(replace(SMALL, **change))
    assert caught.value.diagnostics[0].code == "S0580"

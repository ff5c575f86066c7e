"""What a bare table is taken for, and what it is warned of."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl.diagnostics import SpaceError
from recspace.dsl.parser import parse
from recspace.dsl.source import Source
from recspace.runtime.data.blocks import read_block
from recspace.runtime.data.infer import infer_table
from recspace.runtime.data.inspection import inspect
from recspace.runtime.data.render import to_block
from recspace.runtime.data.spec import (
    Category,
    ColumnSplit,
    DataSpec,
    Many,
    Meaning,
    Number,
    RandomSplit,
    Sequence,
    Target,
    Vector,
)

ROWS = 1000


def columns() -> dict:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, ROWS)
    return {
        "label": label,
        "user_id": rng.integers(0, 900, ROWS),
        "movieId": rng.integers(0, 300, ROWS),
        "city": [f"c{k}" for k in rng.integers(0, 9, ROWS)],
        "weekday": rng.integers(0, 7, ROWS),
        "is_new": rng.random(ROWS) < 0.5,
        "price": rng.random(ROWS),
        "clicks": rng.integers(0, 10**6, ROWS),
        "stars": rng.integers(1, 4, ROWS).astype(float),
        "genres": [[f"g{g}" for g in rng.integers(0, 5, rng.integers(0, 4))] for _ in range(ROWS)],
        "tags": ["|".join(f"t{g}" for g in rng.integers(0, 6, rng.integers(1, 6))) for _ in range(ROWS)],
        "history": [[int(g) for g in rng.integers(0, 300, rng.integers(0, 6))] for _ in range(ROWS)],
        "text": rng.random((ROWS, 3)).tolist(),
        "row": [f"r{k}" for k in range(ROWS)],
        "constant": ["x"] * ROWS,
        "after": [1 if y else None for y in label],
        "score": label + 0.1 * rng.random(ROWS),
        "hint": [f"h{2 * k + y}" for k, y in zip(rng.integers(0, 9, ROWS), label, strict=True)],
        "timestamp": rng.integers(0, 10**9, ROWS),
        "day": [date(2020, 1, 1) + timedelta(days=int(k)) for k in rng.integers(0, 99, ROWS)],
        "nearly": [str(k) if k else "3o" for k in rng.integers(0, 60, ROWS)],
    }


def meanings(spec: DataSpec) -> dict[str, Meaning]:
    return {f.name: f.meaning for f in spec.features}


def test_every_kind_of_column() -> None:
    spec = infer_table(pl.DataFrame(columns()), "shop/my table.parquet")
    assert spec.name == "my_table"
    assert spec.target == Target("label")
    assert isinstance(spec.split, RandomSplit)
    assert meanings(spec) == {
        "user_id": Category("user"),
        "movieId": Category("item"),
        "city": Category(),
        "weekday": Category("context"),
        "is_new": Category(),
        "price": Number(bins=10),
        "clicks": Number(bins=10),
        "stars": Category(),
        "genres": Many(),
        "tags": Many(separator="|"),
        "history": Sequence("movieId", role="history"),
        "text": Vector(3),
        "nearly": Category(),
    }
    said = {(w.code, w.message.split("`")[1]) for w in spec.warnings}
    assert said == {
        ("S0560", "row"),
        ("S0562", "constant"),
        ("S0561", "after"),
        ("S0561", "score"),
        ("S0561", "hint"),
        ("S0566", "timestamp"),
        ("S0566", "day"),
        ("S0563", "nearly"),
    }


def test_a_split_column_settles_which_rows_are_looked_at() -> None:
    rng = np.random.default_rng(0)
    part = ["train"] * 800 + ["test"] * 200
    label = rng.integers(0, 2, ROWS)
    origin = ["made" if y == 0 and p == "train" else "seen" for y, p in zip(label, part, strict=True)]
    spec = infer_table(pl.DataFrame({"Label": label, "x": label * 0, "o": origin, "u": part[::-1], "split": part}), "t")
    assert spec.split == ColumnSplit("split")
    assert list(meanings(spec)) == ["u"]
    assert "`o` alone predicts the label with an AUC of 1.000" in " ".join(w.message for w in spec.warnings)


@pytest.mark.parametrize(
    ("names", "label", "found"),
    [
        (["rating", "click"], None, "click"),
        (["target", "rating"], None, "target"),
        (["Label", "x"], None, "Label"),
        (["liked", "click"], "liked", "liked"),
        (["liked", "x"], None, None),
    ],
)
def test_the_label(names: list[str], label: str | None, found: str | None) -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({n: rng.integers(0, 2, 50) for n in [*names, "f"]})
    spec = infer_table(table, "t.csv", label)
    assert (spec.target.column if spec.target else None) == found
    assert any(w.code == "S0550" for w in spec.warnings) == (found is None)


def test_what_cannot_be_inferred() -> None:
    table = pl.DataFrame({"label": ["y", "n"] * 10, "one": [1] * 20})
    for label, code in ((None, "S0530"), ("lable", "S0507")):
        with pytest.raises(SpaceError) as caught:
            infer_table(table, "t", label)
        assert caught.value.diagnostics[0].code == code
    with pytest.raises(SpaceError) as caught:
        infer_table(pl.DataFrame({"label": [0, 1] * 10, "one": [1] * 20}), "t")
    assert caught.value.diagnostics[0].code == "S0551"


def test_the_report_holds_a_block_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame(columns()).write_parquet(path)
    report = inspect(path)
    file, _ = parse(Source("t.space", report.block))
    assert file is not None
    assert read_block(file.datas[0]) == report.spec
    facts = {c.name: c for c in report.columns}
    assert (facts["label"].use, facts["city"].use, facts["row"].use) == ("label", "feature", "")
    assert facts["city"].distinct == 9
    assert facts["after"].missing == columns()["label"].tolist().count(0)
    assert len(facts["genres"].examples) == 3


CELL = st.one_of(st.none(), st.integers(-5, 5), st.integers(-(2**60), 2**60))
TEXT = st.one_of(st.none(), st.text(max_size=4))
COLUMN = st.one_of(
    st.lists(CELL, min_size=20, max_size=20),
    st.lists(TEXT, min_size=20, max_size=20),
    st.lists(st.one_of(st.none(), st.floats()), min_size=20, max_size=20),
    st.lists(st.one_of(st.none(), st.lists(st.integers(0, 3), max_size=3)), min_size=20, max_size=20),
)


@given(st.dictionaries(st.text(min_size=1, max_size=6), COLUMN, min_size=1, max_size=4))
@settings(max_examples=100)
def test_any_table_is_inferred_or_refused(table: dict) -> None:
    try:
        spec = infer_table(pl.DataFrame(table), "t.parquet")
    except SpaceError as error:
        assert error.diagnostics  # noqa: PT017
        return
    file, diagnostics = parse(Source("t.space", to_block(spec)))
    assert file is not None, (to_block(spec), diagnostics)
    assert read_block(file.datas[0]) == spec


def test_a_label_that_cannot_be_one_is_told_beside_the_block(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pl.DataFrame({"click": ["yes", "no"] * 20, "f": [1, 2, 3, 4] * 10}).write_csv(path)
    report = inspect(path)
    assert 'label:  click == "yes"' in report.block
    assert [(w.code, w.severity) for w in report.warnings if w.code == "S0530"] == [("S0530", "warning")]
    pl.DataFrame({"click": ["1", "0"] * 20 + ["maybe"], "f": [1, 2, 3, 4] * 10 + [1]}).write_csv(path)
    report = inspect(path)
    assert "label:  click\n" in report.block
    assert [(w.severity, "row 41" in w.message) for w in report.warnings if w.code == "S0530"] == [("error", True)]

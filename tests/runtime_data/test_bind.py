"""Everything is fitted on training rows alone, and equals the definition written out row by row."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.data.bind import Bound, bind, bind_table
from recspace.runtime.data.spec import (
    Category,
    ColumnSplit,
    DataSpec,
    Feature,
    GroupSplit,
    LeaveOneOut,
    Many,
    Meaning,
    Number,
    RandomSplit,
    Sequence,
    Split,
    Target,
    TimeSplit,
    Vector,
)

COLUMN = ColumnSplit("split")


def spec(
    features: dict[str, Meaning], target: Target | None = None, split: Split = COLUMN, weight: str = ""
) -> DataSpec:
    return DataSpec("d", "", tuple(Feature(n, n, m) for n, m in features.items()), target, split, weight)


def bound(columns: dict, features: dict[str, Meaning], target: Target | None = None, split: Split = COLUMN) -> Bound:
    return bind_table(spec(features, target, split), pl.DataFrame(columns), seed=1)


def parted(values: list, last: list | None = None) -> dict:
    """Training rows with one valid and one test row after them."""
    extra = last or [values[0], values[0]]
    return {"x": values + extra, "split": ["train"] * len(values) + ["valid", "test"]}


def code(columns: dict, features: dict[str, Meaning], target: Target | None = None, split: Split = COLUMN) -> str:
    with pytest.raises(SpaceError) as caught:
        bound(columns, features, target, split)
    return caught.value.diagnostics[0].code


VALUES = st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=30)


@given(VALUES, st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=2, max_size=2), st.integers(1, 3))
@settings(max_examples=100)
def test_vocabulary_counts_training_rows(train: list, last: list, min_count: int) -> None:
    table = pl.DataFrame(parted(train, last), schema_overrides={"x": pl.Int16})
    b = bind_table(spec({"x": Category(min_count=min_count)}), table, seed=1)
    known = [(n, v) for v, n in Counter(train).items() if n >= min_count]
    order = sorted(known, key=lambda e: (-e[0], e[1] is None, e[1] or 0))
    ids = {v: k + 1 for k, (_, v) in enumerate(order)}
    assert b.rows.ids["x"].tolist() == [ids.get(v, 0) for v in train + last]
    assert b.schema.field("x").cardinality == len(ids)
    assert b.schema.statistics.counts("x").tolist() == [n for n, _ in order]


def test_other_rows_do_not_matter() -> None:
    one = bound(parted(["a", "b", "b"], ["zzz", "a"]), {"x": Category()})
    assert one.rows.ids["x"].tolist() == [2, 1, 1, 0, 2]
    numbers = parted([1.0, 3.0], [1e9, -1e9])
    assert bound(numbers, {"x": Number()}).encoding.scales["x"].mean == 2.0
    many = parted([["a"], ["a", "b"], []], [["c", "a"], None])
    ragged = bound(many, {"x": Many()}).rows.lists["x"]
    assert ragged.ids.tolist() == [1, 1, 2, 0, 1, 0]
    assert ragged.offsets.tolist() == [0, 1, 3, 3, 5, 6]


@pytest.mark.parametrize("by", ["quantile", "uniform", "log", "tree"])
def test_buckets_are_ordered_and_hold_every_training_row(by: str) -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(size=2000))
    columns = parted(x.tolist(), [None, 1e12]) | {"label": (rng.random(2002) < 0.5).astype(int).tolist()}
    b = bound(columns, {"x": Number(bins=8, by=by)}, Target("label"))
    field, ids = b.schema.field("x"), b.rows.ids["x"]
    assert 2 <= field.cardinality == field.bins <= 8
    assert ids[-2] == 0, "missing was not seen in training"
    assert ids[-1] == ids[np.argmax(x)], "beyond the range lies the last bucket"
    counts = b.schema.statistics.counts("x")
    assert counts.sum() == 2000
    assert (np.diff(counts) <= 0).all()
    order = np.argsort(x)
    assert np.count_nonzero(np.diff(ids[:2000][order])) == field.cardinality - 1, "each bucket is one interval"


def test_quantiles_are_even_and_missing_is_a_value() -> None:
    b = bound(parted([*map(float, range(100)), None], [None, 5.0]), {"x": Number(bins=10)})
    assert b.schema.field("x").cardinality == 11
    assert sorted(b.schema.statistics.counts("x").tolist()) == [1] + [10] * 10
    assert b.rows.ids["x"][-2] == b.rows.ids["x"][100] == 11


def test_trees_find_the_border_that_matters() -> None:
    x = np.linspace(0, 1, 3000)
    columns = parted(x.tolist()) | {"label": [*((x > 0.37).astype(int).tolist()), 0, 1]}
    edges = bound(columns, {"x": Number(bins=2, by="tree")}, Target("label")).encoding.encoders["x"].edges
    assert edges == pytest.approx([0.37], abs=0.01)
    assert code(parted(x.tolist()), {"x": Number(bins=2, by="tree")}) == "S0529"


def test_given_edges_belong_above() -> None:
    b = bound(parted([1.0, 14.0, 24.9, 25.0], [13.9, 99.0]), {"x": Number(edges=(14, 25))})
    same = b.rows.ids["x"]
    assert same[1] == same[2]
    assert same[4] == same[0]
    assert same[5] == same[3]
    assert len(set(same.tolist())) == 3


def test_a_sequence_uses_the_vocabulary_of_its_field() -> None:
    columns = {
        "item": ["a", "b", "a", "a", "b"],
        "h": [["b", "b", "a"], [], ["z", "a"], None, ["a"]],
        "split": ["train"] * 3 + ["valid", "test"],
    }
    b = bound(columns, {"h": Sequence("item", longest=2, role="history"), "item": Category("item")})
    assert b.rows.lists["h"].ids.tolist() == [2, 1, 0, 1, 1], "the last two are kept, z is unknown"
    assert b.schema.statistics.counts("h").tolist() == [2, 1]
    assert b.schema.field("h").of == "item"
    assert [w.code for w in b.warnings] == ["S0567", "S0567", "S0565"]
    assert code(columns, {"h": Sequence("itm"), "item": Category()}) == "S0516"


def test_text_is_cut_into_values() -> None:
    b = bound(parted(["a|b", "a", ""]), {"x": Many(separator="|")})
    assert b.rows.lists["x"].offsets.tolist() == [0, 2, 3, 3, 5, 7]
    assert b.schema.field("x").longest == 2


def test_vectors() -> None:
    b = bound(parted([[1.0, 2.0], None]), {"x": Vector(2)})
    assert b.rows.vectors["x"].tolist() == [[1, 2], [0, 0], [1, 2], [1, 2]]
    assert code(parted([[1.0, 2.0], [1.0]]), {"x": Vector(2)}) == "S0522"
    assert code(parted([[1.0, 2.0], [1.0, None]]), {"x": Vector(2)}) == "S0521"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40), st.integers(1, 3))
@settings(max_examples=60)
def test_cross_cardinality_is_exact(rows: list[tuple[int, int]], min_count: int) -> None:
    columns = parted([r[0] for r in rows]) | {"y": [r[1] for r in rows] + [0, 0]}
    b = bound(columns, {"x": Category(), "y": Category()})
    expected = sum(n >= min_count for n in Counter(rows).values())
    assert b.schema.statistics.cross_cardinality(("x", "y"), min_count, (0, 0)) == expected


def test_bucket_cardinality_counts_buckets_that_are_there() -> None:
    b = bound(parted([0.0] * 90 + [1.0] * 10), {"x": Number()})
    assert b.schema.statistics.bucket_cardinality("x", 10) == 2
    assert b.schema.statistics.cross_cardinality(("x", "x"), 1, (10, 4)) == 2


@pytest.mark.parametrize(
    ("column", "target", "kind", "labels"),
    [
        ([0, 1, 1, 0, 1], Target("label"), "binary", [0, 1, 1, 0, 1]),
        ([-1, 1, 1, -1, 1], Target("label"), "binary", [0, 1, 1, 0, 1]),
        ([False, True, True, False, True], Target("label"), "binary", [0, 1, 1, 0, 1]),
        ([1, 3, 4, 5, 4], Target("label", ">=", 4), "binary", [0, 0, 1, 1, 1]),
        (["n", "y", "n", "y", "y"], Target("label", "==", "y"), "binary", [0, 1, 0, 1, 1]),
        ([1.5, 2, 3, 4, 5], Target("label"), "number", [1.5, 2, 3, 4, 5]),
        (["b", "a", "c", "a", "b"], Target("label", classes=True), "classes", [1, 0, 2, 0, 1]),
    ],
)
def test_labels(column: list, target: Target, kind: str, labels: list[float]) -> None:
    b = bound(parted([1, 2, 3]) | {"label": column}, {"x": Category()}, target)
    assert (b.schema.label.kind, b.labels.tolist()) == (kind, labels)
    assert b.schema.label.classes == (3 if kind == "classes" else 2)


@pytest.mark.parametrize(
    ("column", "target", "expected"),
    [
        ([0, 1, None, 0, 1], Target("label"), "S0523"),
        ([1, 1, 1, 0, 0], Target("label"), "S0524"),
        ([1, 1, 1, 1, 1], Target("label"), "S0524"),
        (["a", "b", "a", "a", "b"], Target("label"), "S0530"),
        ([1, 2, 1, 2, 2], Target("label", "==", "1"), "S0530"),
        (["1", "two", "3", "4", "5"], Target("label", ">", 1), "S0521"),
    ],
)
def test_labels_that_are_none(column: list, target: Target, expected: str) -> None:
    assert code(parted([1, 2, 3]) | {"label": column}, {"x": Category()}, target) == expected


@given(st.integers(10, 300), st.integers(0, 5))
@settings(max_examples=40)
def test_random_split_keeps_its_shares(rows: int, seed: int) -> None:
    columns = {"x": list(range(rows))}
    b = bound(columns, {"x": Category()}, split=RandomSplit((0.6, 0.2, 0.2), seed))
    assert np.abs(np.bincount(b.part) / rows - [0.6, 0.2, 0.2]).max() <= 1 / rows + 1e-9
    again = bound(columns, {"x": Category()}, split=RandomSplit((0.6, 0.2, 0.2), seed))
    assert (again.part == b.part).all()


def test_time_split_does_not_part_one_moment() -> None:
    time = np.random.default_rng(0).integers(0, 30, 500)
    b = bound({"x": [1] * 500, "t": time.tolist()}, {"x": Category()}, split=TimeSplit("t"))
    assert time[b.part == 0].max() < time[b.part == 1].min()
    assert time[b.part == 1].max() < time[b.part == 2].min()


def test_grouped_split_keeps_groups_together() -> None:
    group = np.random.default_rng(0).integers(0, 40, 500)
    b = bound({"x": [1] * 500, "g": group.tolist()}, {"x": Category()}, split=GroupSplit("g", seed=2))
    parts = [set(group[b.part == p].tolist()) for p in range(3)]
    assert all(parts)
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]


LEFT = {"u": ["a", "b", "a", "c", "a", "b", "b", "a", "d", "d"], "t": [3, 1, 2, 0, 2, 1, 0, 1, 5, 4]}


def test_the_last_row_of_each_user_is_left_out() -> None:
    part = bound(LEFT, {"u": Category()}, split=LeaveOneOut("u", "t")).part
    # a: the times 3, 2, 2, 1, equal ones in the order of the table; b: 1, 1, 0; c has one row, d two.
    assert part.tolist() == [2, 1, 0, 0, 1, 2, 0, 0, 2, 0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_row_of_each_user_is_left_out(seed: int) -> None:
    part = bound(LEFT, {"u": Category()}, split=LeaveOneOut("u", seed=seed)).part
    for user, parts in (("a", [0, 0, 1, 2]), ("b", [0, 1, 2]), ("c", [0]), ("d", [0, 2])):
        assert sorted(p for p, u in zip(part.tolist(), LEFT["u"], strict=True) if u == user) == parts
    again = bound(LEFT, {"u": Category()}, split=LeaveOneOut("u", seed=seed)).part
    assert part.tolist() == again.tolist()
    others = [bound(LEFT, {"u": Category()}, split=LeaveOneOut("u", seed=s)).part.tolist() for s in range(9)]
    assert len(set(map(tuple, others))) > 3


def test_what_cannot_be_left_out() -> None:
    assert code({**LEFT, "t": [None, *LEFT["t"][1:]]}, {"u": Category()}, split=LeaveOneOut("u", "t")) == "S0525"
    assert code(LEFT, {"u": Category()}, split=LeaveOneOut("u", "when")) == "S0507"
    assert code({"u": ["a", "b"], "t": [1, 2]}, {"u": Category()}, split=LeaveOneOut("u", "t")) == "S0525"


def test_a_split_column_may_leave_the_valid_part_empty() -> None:
    columns = {"x": list("abab"), "split": ["train"] * 3 + ["test"]}
    made = bound(columns, {"x": Category()}, split=ColumnSplit("split", valid=0.0))
    assert made.part.tolist() == [0, 0, 0, 2]
    assert [w.message.split(" has")[0] for w in made.warnings] == ["the test part"]
    assert bound(columns, {"x": Category()}).part.tolist().count(1) == 1
    assert code({**columns, "split": ["train"] * 4}, {"x": Category()}, split=ColumnSplit("split", 0.0)) == "S0525"


def test_split_columns() -> None:
    table = {"x": list(range(40)), "split": ["Train"] * 30 + ["TEST"] * 10}
    b = bound(table, {"x": Category()})
    assert np.bincount(b.part).tolist() == [27, 3, 10]
    assert [w.code for w in b.warnings] == ["S0564", "S0567", "S0567"]
    assert code({"x": [1, 2, 3], "split": ["train", "test", "holdout"]}, {"x": Category()}) == "S0525"
    assert code({"x": [1, 2, 3], "split": ["train", "test", None]}, {"x": Category()}) == "S0525"
    assert code({"x": [1, 2, 3], "split": ["train", "valid", "train"]}, {"x": Category()}) == "S0525"


def test_bad_cells_are_named_with_their_rows() -> None:
    with pytest.raises(SpaceError) as caught:
        bound(parted(["1", "two", "3", None, "x"]), {"x": Number()})
    assert '"two" in rows 2 and 5' in caught.value.diagnostics[0].message
    assert code(parted([1.0, float("inf")]), {"x": Number()}) == "S0521"
    assert code(parted([[1], [2]]), {"x": Category()}) == "S0528"
    assert code(parted([1, 2]), {"x": Many()}) == "S0522"


def test_every_missing_column_is_named_at_once() -> None:
    with pytest.raises(SpaceError) as caught:
        bound({"user": [1], "item": [2]}, {"usr": Category(), "itm": Category()}, split=RandomSplit())
    assert [d.help for d in caught.value.diagnostics] == ["did you mean `user`?", "did you mean `item`?"]


def test_weights() -> None:
    def weighted(values: list) -> Bound:
        return bind_table(
            spec({"x": Category()}, weight="w"), pl.DataFrame(parted([1, 2]) | {"w": values}, strict=False), seed=1
        )

    assert weighted([1.0, 0.5, 0.0, 2.0]).weights.tolist() == [1, 0.5, 0, 2]
    for bad in ([1, -1, 1, 1], [1, None, 1, 1], [0, 0, 0, 0]):
        with pytest.raises(SpaceError) as caught:
            weighted(bad)
        assert caught.value.diagnostics[0].code == "S0526"


def test_fingerprint_is_of_content_and_meaning() -> None:
    columns = parted(["a", None, "bc"])
    first = bound(columns, {"x": Category()}).fingerprint()
    assert first == bound(columns, {"x": Category()}).fingerprint()
    assert len(first.hash) == 64
    assert first.rows == len(columns["x"])
    cells = bound(parted(["a", "", "bc"]), {"x": Category()}).fingerprint()
    assert {n for n, digest in first.columns.items() if digest != cells.columns[n]} == {"x"}
    assert (first.meaning, first.split) == (cells.meaning, cells.split)
    others = [
        bound(columns, {"x": Category(min_count=2)}),
        bound(parted(["a", "", "bc"]), {"x": Category()}),
        bound(parted(["ab", None, "c"], ["a", "a"]), {"x": Category()}),
        bound(parted(["a", None, "bc"], ["b", "a"]), {"x": Category()}),
        bound(parted(["a", None, "bb"], ["ca", "a"]), {"x": Category()}),
        bound(columns | {"split": ["train", "train", "train", "test", "valid"]}, {"x": Category()}),
    ]
    assert len({first.hash, *(b.fingerprint().hash for b in others)}) == 7


def test_renaming() -> None:
    renamed = spec({"words": Category("user"), "h": Sequence("words")}).renamed({"words": "nodes", "user": "viewer"})
    assert [(f.name, f.column) for f in renamed.features] == [("nodes", "words"), ("h", "h")]
    assert [f.meaning.role for f in renamed.features] == ["viewer", ""]
    assert renamed.features[1].meaning.of == "nodes"


def test_binding_imports_no_torch() -> None:
    program = "import sys, recspace.runtime.data.bind, recspace.runtime.data.infer, recspace.runtime.data.locate\n"
    done = subprocess.run([sys.executable, "-c", program + "assert 'torch' not in sys.modules"], check=False)
    assert done.returncode == 0


def test_parts_that_say_nothing_are_said() -> None:
    rows = 2000
    table = {"x": [k % 7 for k in range(rows)], "label": [k % 2 for k in range(rows)], "split": ["train"] * rows}
    parts = ["train"] * 1000 + ["valid"] * 500 + ["test"] * 500
    assert not bound({**table, "split": parts}, {"x": Category()}).warnings
    few = bound({**table, "split": ["train"] * 1900 + ["valid"] * 98 + ["test"] * 2}, {"x": Category()}).warnings
    assert [w.code for w in few] == ["S0567", "S0567"]
    assert "2 rows" in few[1].message
    alike = [0 if part == "test" else k % 2 for k, part in enumerate(parts)]
    (said,) = bound({**table, "split": parts, "label": alike}, {"x": Category()}, Target("label")).warnings
    assert "all with the same label" in said.message


def test_a_source_written_from_the_working_folder_is_told(tmp_path, monkeypatch) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "t.csv").write_text("a,label\n" + "1,0\n2,1\n" * 30)
    monkeypatch.chdir(tmp_path)
    spec = DataSpec("t", "my/t.csv", (Feature("a", "a", Category()),), Target("label"), folder="my")
    with pytest.raises(SpaceError) as caught:
        bind(spec, seed=0)
    assert 'source: "t.csv"' in caught.value.diagnostics[0].help

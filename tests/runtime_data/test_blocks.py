"""Data blocks: what they say, what they refuse, and that a printed one reads back as the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.parser import parse
from recspace.dsl.source import Source
from recspace.runtime.data.blocks import read_block
from recspace.runtime.data.render import to_block
from recspace.runtime.data.spec import (
    Category,
    ColumnSplit,
    DataSpec,
    Feature,
    GroupSplit,
    LeaveOneOut,
    Many,
    Number,
    RandomSplit,
    Sequence,
    Target,
    TimeSplit,
    Vector,
)


def read(text: str) -> DataSpec:
    file, diagnostics = parse(Source("block.space", text))
    assert file is not None, diagnostics
    return read_block(file.datas[0])


def faults(body: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpaceError) as caught:
        read(f"data d {{\n{body}\n}}")
    return caught.value.diagnostics


def test_the_documented_block() -> None:
    spec = read("""data movielens "MovieLens 100K" {
      source:     "ml-100k.parquet"
      label:      rating >= 4
      user:       category(role = user)
      item:       category(role = item)
      age:        number(bins = 10, by = tree)
      size:       number(edges = [-1, 2.5])
      price:      number()
      genres:     many(pool = sum)
      history:    sequence(of = item, longest = 20, sharing = table)
      "zip code": category(min_count = 2)
      "label":    category
      text:       vector(64)
      weight:     "how much"
      split:      random(80%, 10%, 10%, seed = 1)
    }""")
    assert spec == DataSpec(
        "movielens",
        "ml-100k.parquet",
        tuple(
            Feature(name, name, meaning)
            for name, meaning in {
                "user": Category("user"),
                "item": Category("item"),
                "age": Number(10, "tree"),
                "size": Number(edges=(-1.0, 2.5)),
                "price": Number(),
                "genres": Many("sum"),
                "history": Sequence("item", 20, "table"),
                "zip code": Category(min_count=2),
                "label": Category(),
                "text": Vector(64),
            }.items()
        ),
        Target("rating", ">=", 4),
        RandomSplit((0.8, 0.1, 0.1), 1),
        "how much",
        "MovieLens 100K",
    )


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("clicked", Target("clicked")),
        ('"was it?"', Target("was it?")),
        ("classes(kind)", Target("kind", classes=True)),
        ('answer == "yes"', Target("answer", "==", "yes")),
        ("delta < -0.5", Target("delta", "<", -0.5)),
    ],
)
def test_labels(entry: str, target: Target) -> None:
    assert read(f"data d {{ label: {entry}\n u: category() }}").target == target


@pytest.mark.parametrize(
    ("entry", "split"),
    [
        ('column("part")', ColumnSplit("part")),
        ('time("when", 0.7, 0.2, 0.1)', TimeSplit("when", (0.7, 0.2, 0.1))),
        ("grouped(profile, 0.5, 0.25, 0.25, seed = 3)", GroupSplit("profile", (0.5, 0.25, 0.25), 3)),
        ('column("part", valid = 0)', ColumnSplit("part", 0.0)),
        ("leave_one_out(user)", LeaveOneOut("user")),
        ('leave_one_out("the user", time = "when?")', LeaveOneOut("the user", "when?")),
        ("leave_one_out(user, seed = 4)", LeaveOneOut("user", seed=4)),
        ("random(0.6, 0.2, 0.2)", RandomSplit((0.6, 0.2, 0.2))),
    ],
)
def test_splits(entry: str, split: object) -> None:
    assert read(f"data d {{ u: category()\n split: {entry} }}").split == split


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ("u: categry()", "S0510", "categry"),
        ("u: 3", "S0510", "3"),
        ("u: category(rol = user)", "S0511", "rol = user"),
        ("u: category(3)", "S0511", "3"),
        ("u: category(min_count = 0)", "S0511", "0"),
        ("u: category(min_count = 2, min_count = 3)", "S0511", "min_count = 3"),
        ("n: number(bins = 1)", "S0511", "1"),
        ("n: number(bins = 10, by = quantiles)", "S0511", "quantiles"),
        ("n: number(by = log)", "S0511", "number(by = log)"),
        ("n: number(edges = [3, 2])", "S0511", "[3, 2]"),
        ("n: number(edges = [3], bins = 4)", "S0511", "number(edges = [3], bins = 4)"),
        ("v: vector()", "S0511", "vector()"),
        ("v: vector(0)", "S0511", "0"),
        ('u: category()\nsplit: column("s", valid = 1)', "S0511", "1"),
        ("u: category()\nsplit: leave_one_out(0.8, 0.1, 0.1)", "S0514", "0.8"),
        ("u: category()\nsplit: leave_one_out(u, tim = t)", "S0511", "tim = t"),
        ("u: category()\nsource: table", "S0512", "table"),
        ("u: category()\nlabel: 4 < rating", "S0513", "4 < rating"),
        ("u: category()\nlabel: a + b", "S0513", "a + b"),
        ('u: category()\nlabel: a < "b"', "S0513", 'a < "b"'),
        ("u: category()\nweight: 2", "S0513", "2"),
        ("u: category()\nsplit: randm(0.8, 0.1, 0.1)", "S0514", "randm(0.8, 0.1, 0.1)"),
        ("u: category()\nsplit: random(0.8, 0.1)", "S0514", "0.8, 0.1"),
        ("u: category()\nsplit: random(0.8, 0.1, 0.2)", "S0514", "0.8, 0.1, 0.2"),
        ("u: category()\nsplit: column()", "S0514", "column()"),
        ("u: category()\nu: category()", "S0515", "u"),
        ("u: category()\nh: sequence(of = itm)", "S0516", "h"),
        ("", "S0517", "d"),
    ],
)
def test_faults_are_placed(body: str, code: str, place: str) -> None:
    found = faults(body)
    assert [(d.code, d.span.text) for d in found] == [(code, place)]


def test_all_faults_come_at_once_and_their_edits_work() -> None:
    body = "u: categry()\nn: number(bans = 10)\nm: many(pool = maen)"
    found = faults(body)
    assert [d.code for d in found] == ["S0510", "S0511", "S0511"]
    text = f"data d {{\n{body}\n}}"
    for edit in sorted((e for d in found for e in d.edits), key=lambda e: -e.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert [f.meaning for f in read(text).features] == [Category(), Number(bins=10), Many()]


NAME = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
    st.sampled_from(["label", "split", "let", "if", "in", "source", "data"]),
    st.text(min_size=1, max_size=8).filter(lambda t: not set(t) & set("\n\r\0") and t.isprintable()),
)
ROLE = st.sampled_from(["", "user", "context"])
COUNT = st.integers(1, 10**6)
REAL = st.floats(allow_nan=False, allow_infinity=False)
MEANING = st.one_of(
    st.builds(Category, ROLE, COUNT),
    st.builds(Number, st.integers(2, 99), st.sampled_from(["quantile", "log", "tree"]), st.just(()), ROLE),
    st.builds(Number, st.just(0), st.just("quantile"), st.lists(REAL, unique=True).map(lambda e: tuple(sorted(e)))),
    st.builds(Many, st.sampled_from(["mean", "sum"]), COUNT, st.integers(0, 9), ROLE, st.sampled_from(["", "|", '"'])),
    st.builds(Sequence, st.just(""), COUNT, st.just("none"), ROLE, COUNT),
    st.builds(Vector, COUNT, ROLE),
)
SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (1 / 3, 1 / 3, 1 / 3)])
SEED = st.one_of(st.none(), st.integers(0, 2**31 - 1))
SPLIT = st.one_of(
    st.builds(RandomSplit, SHARES, SEED),
    st.builds(ColumnSplit, NAME, st.sampled_from([0.0, 0.1, 0.25])),
    st.builds(LeaveOneOut, NAME, st.one_of(st.just(""), NAME), SEED),
    st.builds(TimeSplit, NAME, SHARES),
    st.builds(GroupSplit, NAME, SHARES, SEED),
)
TARGET = st.one_of(
    st.none(),
    st.builds(Target, NAME),
    st.builds(Target, NAME, classes=st.just(True)),
    st.builds(Target, NAME, st.sampled_from(["<", ">=", "!="]), st.one_of(REAL, st.integers(-(10**9), 10**9))),
    st.builds(Target, NAME, st.just("=="), st.text(max_size=5).filter(lambda t: t.isprintable())),
)


@given(st.dictionaries(NAME, MEANING, min_size=1, max_size=6), TARGET, SPLIT, st.one_of(st.just(""), NAME))
@settings(max_examples=200)
def test_a_printed_block_reads_back(features: dict, target: Target | None, split: object, weight: str) -> None:
    spec = DataSpec("d", "t.parquet", tuple(Feature(n, n, m) for n, m in features.items()), target, split, weight)
    assert read(to_block(spec)) == spec

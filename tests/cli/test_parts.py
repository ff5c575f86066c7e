"""Parts of a file on the command line: `--strategy`, `--set`, `--label`. Messages show what was typed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recspace.checking import Question, judge, unready
from recspace.dsl import Diagnostic, SpaceError, apply_edits, render
from recspace.recipes import recipe_of
from recspace.runtime.data.inspection import inspect

from .calling import call, called

SPACE = """space T
param width = 4
choose keep[f in fields] from {off, on}
let e[f in fields] = embed(f, width)
predict sigmoid(sum(keep[f] * weight(f) for f in fields) + sum(linear[f](e[f], 1) for f in fields))
minimize logloss
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "t.space"
    path.write_text(SPACE)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    rng = np.random.default_rng(0)
    words = np.where(rng.random(200) < 0.5, "yes", "no")
    frame = {
        "city": rng.integers(0, 9, 200),
        "click": words,
        "stars": rng.integers(1, 6, 200),
        "price": rng.random(200),
    }
    pl.DataFrame(frame).write_csv(path)
    return path


def refused(space: Path, strategy: str) -> tuple[Diagnostic, ...]:
    try:
        recipe_of(judge(Question(space)), strategy)
    except SpaceError as error:
        return error.diagnostics
    return ()


@pytest.mark.parametrize(
    ("strategy", "code", "place"),
    [
        ("rnadom(trials = 2)", "S0601", "rnadom(trials = 2)"),
        ("random(trials = 2", "S0021", "("),
        ("random(trials = [2", "S0021", "["),
        ("random(trials = 2) retrain(", "S0021", "("),
        ("random(trials = 2) }", "S0022", "}"),
        ("random(trials = 2))", "S0022", ")"),
        ("random(trials 2)", "S0028", "2"),
        ("random(trials: 2)", "S0025", ":"),
        ("relax(as: gate) derive()", "S0025", ":"),
        ("random(trials = many)", "S0603", "trials = many"),
        ("random(trials = 2) retrain(epochs = 0)", "S0603", "epochs = 0"),
        ("derive(by = 3)", "S0603", "by = 3"),
        ("random", "S0620", "random"),
        ("exhaustive", "S0620", "exhaustive"),
        ("rnadom", "S0620", "rnadom"),
        ("relax", "S0620", "relax"),
    ],
)
def test_what_is_wrong_with_a_strategy_is_shown_as_typed_and_mended(space, strategy, code, place):
    (found,) = refused(space, strategy)
    assert (found.code, found.span.text, found.span.source.text) == (code, place, strategy)
    assert "set" not in render([found]).replace("settle", "")
    assert code not in [d.code for d in refused(space, apply_edits(strategy, found.edits))]


@pytest.mark.parametrize("strategy", ["(random)", "{ random() }", "random(", ")", "random(trials = )", "}", "{", "("])
def test_nothing_of_the_file_around_it_is_shown(space, strategy):
    for found in refused(space, strategy):
        assert found.span.source.text == strategy
        assert "}" not in found.message.replace(f"`{strategy}`", "")


def test_a_whole_recipe_is_one_too(space):
    assert refused(space, "search { random(trials = 2) retrain() }") == ()


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [("width = 3 4", "S0108", "width = 3 4"), ("widht=3", "S0108", "widht"), ("width = foo(3)", "S0104", "foo")],
)
def test_a_setting_is_shown_as_typed(space, setting, code, place):
    (found,) = judge(Question(space, settings=(setting,))).diagnostics[:1]
    assert (found.code, found.span.text, found.span.source.text) == (code, place, setting)


def labelled(space: Path, table: Path, label: str) -> list[Diagnostic]:
    return [d for d in judge(Question(space, str(table), label)).diagnostics if d.severity == "error"]


def test_a_label_may_be_a_condition(space, table):
    for label in ('click == "yes"', "stars >= 4"):
        assert labelled(space, table, label) == []
    verdict = judge(Question(space, str(table), "stars >= 4"))
    assert verdict.bound is not None
    assert verdict.bound.schema.label.kind == "binary"
    assert {f.name for f in verdict.schema.fields} == {"city", "click", "price"}


@pytest.mark.parametrize(
    ("label", "code", "place"),
    [("clik", "S0507", "clik"), ('clik == "yes"', "S0507", "clik"), ("stars => 4", "S0513", "stars => 4"), ("stars >", "S0513", "stars >")],
)  # fmt: skip
def test_a_label_that_is_none_is_shown_as_typed(space, table, label, code, place):
    (found,) = labelled(space, table, label)
    assert (found.code, found.span.text, found.span.source.text) == (code, place, label)
    if found.edits:
        assert "S0507" not in [d.code for d in labelled(space, table, apply_edits(label, found.edits))]


def test_the_label_that_is_suggested_works(space, table):
    (found,) = labelled(space, table, None)
    assert (found.code, found.help) == ("S0530", "say which value is a positive: --label 'click == \"yes\"'")
    assert labelled(space, table, found.help.partition("--label ")[2].strip("'")) == []


def test_check_on_a_table_warns_of_what_a_run_would_refuse(space, table):
    space.write_text(
        SPACE.replace("predict sigmoid(", "predict sigmoid(sum(embed(bucket(price, choose n from {2, 3}), 2)) + ")
    )
    verdict = judge(Question(space, str(table), 'click == "yes"'))
    assert verdict.ok
    (found,) = unready(verdict)
    assert (found.code, found.severity) == ("S0630", "warning")
    assert "choose between buckets" in found.help
    space.write_text(SPACE)
    assert unready(judge(Question(space, str(table), 'click == "yes"'))) == ()
    assert unready(judge(Question(space))) == ()


def test_a_run_without_data_is_told_as_everything_is(space):
    result = call("run", space)
    assert result.returncode == 2
    assert result.stderr.startswith("error[S0545]: a run needs a table")
    assert "--data movielens" in result.stderr
    assert [d["code"] for d in called("run", space)["diagnostics"]] == ["S0545"]


def test_a_space_is_no_table(space):
    with pytest.raises(SpaceError) as caught:
        inspect(space)
    (found,) = caught.value.diagnostics
    assert found.code == "S0502"
    assert f"recspace check {space}" in found.help

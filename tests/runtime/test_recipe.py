"""Recipes as data, options against promises, and what is refused before anything is trained."""

from pathlib import Path

import by_hand
import pytest

from recspace.compiler.decisions import Decision, Domain
from recspace.dsl import ast
from recspace.dsl.parser import parse
from recspace.dsl.source import Source
from recspace.runtime.options import Schedule
from recspace.runtime.plan import obstacles, planned
from recspace.runtime.recipe import StageCall, read
from recspace.runtime.registry import promises

SPACES = sorted((Path(__file__).parents[2] / "spaces").rglob("*.space"))
KEEP = by_hand.keep_decision()
CARRIED = {"warmup", "relax", "progressive", "derive", "retrain", "train", "random", "exhaustive"}
CARRIED |= {"beam", "field_wise_logistic", "variational", "screen", "one_shot"}


def searches(path):
    """The recipes of a file, and its params that are written as numbers."""
    file, _ = parse(Source(str(path), path.read_text()))
    assert file is not None
    statements = file.space.statements if file.space is not None else ()
    params = {s.name: s.value.value for s in statements if isinstance(s, ast.Param) and isinstance(s.value, ast.Number)}
    return [s for s in statements if isinstance(s, ast.Search)], params


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_every_shipped_recipe_is_right(path):
    found, params = searches(path)
    for search in found:
        recipe, faults = read(search, params, promises())
        assert not faults, [f.message for f in faults]
        assert len(recipe.stages) == len(search.stages)


def test_what_runs():
    able = {n for n, p in promises().stages.items() if p.implemented and p.role != "optimizer"}
    assert able >= CARRIED


def test_a_cost_in_a_recipe_is_no_stage():
    recipe = by_hand.recipe("relax(as = gate) derive(budgets = [50%], of = parameters(e))")
    assert [stage.name for stage in recipe.stages] == ["relax", "derive"]
    assert not obstacles(recipe, (KEEP,), promises())


def test_values():
    recipe = by_hand.recipe(
        "relax(as = gumbel, temperature = 1.0 -> 0.1, epochs = n + 1, optimizer = grda(c = auto, mu = 0.7)) "
        "derive(threshold = -0.5, keep = 10%)",
        {"n": 4},
    )
    relax, derive = recipe.stages
    assert relax.options["temperature"] == Schedule(1.0, 0.1)
    assert relax.options["epochs"] == 5
    assert relax.options["batch_size"] == "auto"
    grda = relax.options["optimizer"]
    assert isinstance(grda, StageCall)
    assert (grda.options["c"], grda.options["mu"], grda.options["lr"]) == ("auto", 0.7, 1.0)
    assert (derive.options["threshold"], derive.options["keep"]) == (-0.5, 0.1)
    assert by_hand.call("relax(as = softmax)").options["temperature"] == Schedule(1.0, 1.0)


def test_schedule_reaches_both_ends():
    moving = Schedule(1.0, 0.1)
    assert [round(moving.at(k, 4), 9) for k in range(4)] == [1.0, 0.7, 0.4, 0.1]
    assert moving.at(0, 1) == 0.1


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("retrian()", "S0601", "retrain"),
        ("grda()", "S0601", "derive"),
        ("retrain(epoch = 3)", "S0602", "epochs"),
        ("relax(as = gate, temperature = 2)", "S0602", "options"),
        ("retrain(epochs = 0)", "S0603", "whole number of at least 1"),
        ("retrain(epochs = many)", "S0603", "whole number"),
        ("retrain(gates = fixd)", "S0603", "fixed"),
        ("retrain(rewind = 1)", "S0603", "true or false"),
        ("relax(as = gumbel, temperature = hot)", "S0603", "start -> end"),
        ("relax(as = gate, optimizer = sdg(lr = 1))", "S0603", "sgd"),
        ("relax(as = gate, optimizer = sgd(rate = 1))", "S0602", "sgd()"),
        ("relax()", "S0604", "`as`"),
        ("retrain(train())", "S0602", "wraps"),
        ("retrain(3)", "S0602", "`3`"),
    ],
)
def test_faults(text, code, says):
    _, faults = by_hand.read_recipe(text)
    assert [f.code for f in faults] == [code]
    assert says in faults[0].message + faults[0].help
    assert faults[0].span.text in text


@pytest.mark.parametrize("text", ["retrian()", "retrain(epoch = 3)", "retrain(gates = fixd)"])
def test_a_fix_removes_the_fault(text):
    _, (fault,) = by_hand.read_recipe(text)
    (edit,) = fault.edits
    source = edit.span.source.text
    mended = source[: edit.span.start] + edit.text + source[edit.span.end :]
    _, faults = by_hand.read_recipe(mended[mended.index("{") + 1 : mended.rindex("}")])
    assert not faults


def refused(text, *decisions):
    return [(d.code, d.message, d.help) for d in obstacles(by_hand.recipe(text), decisions or (KEEP,), promises())]


def test_what_a_stage_cannot_handle_is_said_with_what_can():
    real = Decision("rate", (), 1, ((),), (Domain("real", low=0.1, high=1),))
    ((code, message, hint),) = refused("relax(as = softmax)", real)
    assert code == "S0605"
    assert "`rate`" in message
    assert "a real" in message
    assert hint == "settle it beforehand: --fix 'rate=…'"
    number = Decision("n", (), 1, ((),), (Domain("number", (2, 4)),))
    assert "a number" in refused("relax(as = gate)", number)[0][1]
    given = Decision("k", (), 1, ((),), (Domain("gate", ("off", "on")),), given="example")
    assert "given" in refused("random()", given)[0][1]
    valued = Decision("v", ("v in values(f)",), 9, None, (Domain("gate", ("off", "on")),), per_value="f")
    assert "values of f" in refused("exhaustive()", valued)[0][1]
    assert refused("relax(as = gate)", valued) == []


def names(text, *decisions):
    return [(p.name, p.call.name) for p in planned(by_hand.recipe(text), decisions, promises())]


def test_stages_of_a_run():
    assert names("train()") == [("0.train", "train")]
    assert names("relax(as = gate) derive() retrain()", KEEP) == [
        ("baseline", "train"), ("0.relax", "relax"), ("1.derive", "derive"), ("2.retrain", "retrain"),
    ]  # fmt: skip
    # What nothing settles is settled by what the relaxation says.
    assert [call for _, call in names("relax(as = softmax)", KEEP)] == ["train", "relax", "derive"]
    assert [call for _, call in names("warmup() random() retrain()", KEEP)] == ["train", "warmup", "random", "retrain"]


def test_the_hand_made_model_has_the_same_budget():
    baseline = planned(
        by_hand.recipe("relax(as = gate) derive() retrain(epochs = 7, patience = 4)"), (KEEP,), promises()
    )[0]
    assert (baseline.call.options["epochs"], baseline.call.options["patience"]) == (7, 4)
    alone = planned(by_hand.recipe("warmup(epochs = 2) relax(as = gate, epochs = 3) derive()"), (KEEP,), promises())[0]
    assert alone.call.options["epochs"] == 5

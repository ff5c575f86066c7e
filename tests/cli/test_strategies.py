"""The table of strategies: what it promises, and that a run refuses what it says cannot be searched, and nothing else."""

import json

import pytest

from recspace.checking import Question
from recspace.cli import main
from recspace.running import bound_space
from recspace.runtime.capabilities import capabilities, recipe_text
from recspace.runtime.registry import promises
from recspace.support import refused

from .calling import call, modules_of, triples

ROWS = capabilities(promises())
SPACES = ("autofis", "autodim", "autocross", "profit", "slf", "pep")
COVER = [
    ("autofis", "tpe"), ("autofis", "cmaes"), ("autofis", "exhaustive"), ("autodim", "cmaes"), ("autodim", "relax(as = gate)"),
    ("autocross", "beam"), ("autocross", "relax(as = softmax)"), ("autocross", "nsga2"), ("profit", "progressive"),
    ("slf", "asha"), ("pep", "tpe"), ("pep", "relax(as = soft_threshold)"),
]  # fmt: skip
"""Domains, indices by values, sets, grids and factors against samplers, relaxations and stages that wrap them."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "planted.parquet"
    triples(path, 4, 400)
    return path


@pytest.fixture(scope="module")
def spaces(table):
    return {name: bound_space(Question(name, str(table))) for name in SPACES}


@pytest.mark.parametrize(("space", "strategy"), COVER)
def test_a_run_refuses_what_the_table_says(table, spaces, space, strategy, capsys):
    text = recipe_text(strategy, spaces[space].decisions, promises())
    why = refused(spaces[space], text)
    code = main(["run", space, "--data", str(table), "--strategy", text, "--dry-run", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert code == (1 if why else 0)
    assert printed["ok"] == (not why)
    if why:
        assert why in [d["message"] for d in printed["diagnostics"]]


def test_what_is_refused_is_what_the_promise_does_not_name(spaces):
    """A decision of another domain, or indexed by values, is the reason; a space of gates suits all that handle gates."""
    for space in ("autofis", "pep"):
        (decision,) = spaces[space].decisions
        for row in ROWS:
            able = "gate" in row.domains and (row.per_value or not decision.per_value)
            if row.runs and row.name not in ("asha", "exhaustive", "progressive", "screen"):
                why = refused(spaces[space], recipe_text(row.name, spaces[space].decisions, promises()))
                if not able:
                    assert decision.name in why, row.name
                elif row.name in ("tpe", "nsga2", "random", "relax(as = gate)", "relax(as = sigmoid)"):
                    assert not why, (row.name, why)


def test_the_table_has_a_row_for_every_strategy_that_searches(capsys):
    assert main(["strategies", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in printed]
    assert names == sorted(names)
    assert {f"relax(as = {n})" for n in promises().relaxations} <= set(names)
    assert {n for n, s in promises().stages.items() if s.role in ("sample", "infer", "screen", "score", "wrap")} <= set(
        names
    )
    tpe = next(row for row in printed if row["name"] == "tpe")
    assert tpe["conditional"] is tpe["constraints"] is True
    assert tpe["per_value"] is False


def test_a_space_is_told_of_every_strategy(table):
    result = call("strategies", "autodim", "--data", table, "--json")
    assert result.returncode == 0, result.stderr
    found = {row["name"]: row for row in json.loads(result.stdout)}
    assert set(found) == {row.name for row in ROWS}
    assert found["cmaes"]["supported"]
    assert found["cmaes"]["reason"] == ""
    assert not found["relax(as = gate)"]["supported"]
    assert "`dim`" in found["relax(as = gate)"]["reason"]


def test_the_table_needs_no_torch():
    assert "torch" not in modules_of("strategies")

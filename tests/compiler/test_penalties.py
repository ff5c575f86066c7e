"""Costs in what is minimized: what they come to, and that a module has none of them."""

import itertools

import pytest
import torch
from generate import program_of, schema_of

from recspace.compiler.penalties import charged, penalty
from recspace.compiler.schema import Field
from recspace.dsl import SpaceError
from recspace.runtime.module import build
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, relaxed_agrees
from .test_agreement import IDS

GRID = (
    "choose rows[t in 1..2] from 0..3\n"
    "let e[f in categorical] = concat((block(f, 3, over = {over}) <= rows[t]) * embed[t](f, 2) for t in 1..2)\n"
    "predict sigmoid(linear(concat(e), 1))\nminimize {minimize}\n"
)
LARGE = schema_of(Field("user", "category", 30, "user"), Field("item", "category", 20, "item"))


def pair_of(minimize="logloss", over="all", schema=IDS):
    return Pair(program_of("space S\n" + GRID.format(over=over, minimize=minimize)), schema, {})


@pytest.mark.parametrize("over", ["all", "field"])
@pytest.mark.parametrize("seed", [1, 2])
def test_blocks_of_rows_are_the_oracles(over, seed):
    relaxed_agrees(pair_of(over=over), seed)
    derived_agrees(pair_of(over=over), seed)


@pytest.mark.parametrize("over", ["all", "field"])
def test_the_cost_is_what_the_derived_model_stores(over):
    """Numbers of all values that are known; the rows of unknown ones do not count."""
    pair = pair_of("logloss + parameters(e)", over, LARGE)
    for rows in itertools.product(range(4), repeat=2):
        compiled = pair.plain({"rows": rows})
        tensors = [t for t in compiled.tensors if t.embedding and t.trainable]
        stored = sum(build(compiled, torch.device("cpu")).tensors[t.attribute].numel() for t in tensors)
        unknown = 2 * 2 * sum(r == 3 for r in rows)
        found = penalty(pair.models.graph, LARGE, promises(), {"rows": rows})
        assert found == stored - unknown


@pytest.mark.parametrize(
    ("minimize", "most", "terms"),
    [
        ("logloss + 0.5 * relu(parameters(e) / 40% - 1)", 0.75, 1),
        ("2 * (parameters(e) - 50%) + logloss", 1.0, 1),
        ("logloss - parameters(e) / 100%", -1.0, 1),
        ("logloss + parameters(e) / 100% * 0.25 + l2(e[user]) - 3 * (rows[1] == 0)", 0.25, 1),
        ("logloss + parameters(e) / 100%, memory(e)", 1.0, 1),
    ],
)
def test_costs_add_up_where_architectures_are_judged_and_nowhere_else(minimize, most, terms):
    pair, plain = pair_of(minimize, schema=LARGE), pair_of(schema=LARGE)
    assert penalty(pair.models.graph, LARGE, promises(), {"rows": (3, 3)}) == pytest.approx(most)
    assert not charged(plain.models.graph)
    assert penalty(plain.models.graph, LARGE, promises(), {"rows": (3, 3)}) == 0
    for compiled in (pair.supernet, pair.plain({"rows": (1, 2)})):
        text = "\n".join(line for line in compiled.source.splitlines() if "terms that are minimised" not in line)
        assert text.count("average(") - 1 == terms
        assert "parameters" not in text
        assert "memory" not in text
    assert ("l2(" in pair.supernet.source) == ("l2" in minimize)


def test_a_cost_that_multiplies_a_loss_is_refused():
    with pytest.raises(SpaceError, match="S0630"):
        _ = pair_of("logloss * parameters(e)").supernet

"""Tables times settled gates of their columns: what is stored, what it computes, and what it is said to cost."""

from __future__ import annotations

import math

import pytest
from generate import program_of

from recspace.compiler.cost import cost
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, random_architecture, relaxed_agrees
from .test_agreement import IDS, MIXED

SPACE = """space S
choose keep[f in fields, k in 1..3] from {off, on}
let cut[f in fields] = embed(f, 3) * keep[f, :]
let e[f in fields] = VALUE
predict sigmoid(0.1 * sum(linear(MORE, 1)) + sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
"""
VALUES = {
    "aligned where pruned": ("cut[f] if all(keep[f, :]) else linear[f](cut[f], 3)", "e[user]"),
    "nowhere aligned": ("cut[f]", "concat(e)"),
    "aligned alike": ("linear(cut[f], 3)", "concat(e)"),
    "always aligned": ("linear[f](cut[f], 3)", "concat(cut)"),
    "aligned where any is left": ("linear[f](cut[f], 3) if any(keep[f, :]) else cut[f]", "concat(e)"),
}
SCHEMAS = {"ids": IDS, "mixed": MIXED}


def pair(name, schema):
    value, more = VALUES[name]
    return Pair(program_of(SPACE.replace("VALUE", value).replace("MORE", more)), SCHEMAS[schema], {})


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("name", VALUES)
def test_what_is_left_is_what_is_stored(name, schema):
    """The oracle's predictions, and every parameter that costs count, in tensors without any other."""
    own = pair(name, schema)
    graph = own.models.graph
    for seed in range(2):
        architecture = random_architecture(graph.decisions, seed)
        derived_agrees(own, seed, architecture)
        plain = own.plain(architecture)
        stored = sum(math.prod(t.shape) for t in plain.tensors if t.trainable)
        unknown = sum(s.box[1][1] - s.box[1][0] for t in plain.tensors if t.embedding for s in t.slices)
        assert stored - unknown == cost("parameters", graph, own.schema, promises(), architecture)


@pytest.mark.parametrize("name", ["aligned where pruned", "aligned where any is left"])
def test_conditions_on_all_gates_are_products(name):
    relaxed_agrees(pair(name, "ids"), 1)


def test_a_table_that_something_else_reads_stays_whole():
    text = SPACE.replace("VALUE", "cut[f]").replace("MORE", "raw[user]")
    text = text.replace(
        "let cut[f in fields] = embed(f, 3)", "let raw[f in fields] = embed(f, 3)\nlet cut[f in fields] = raw[f]"
    )
    own = Pair(program_of(text), IDS, {})
    derived_agrees(own, 1)
    plain = own.plain({"keep": (1, 0, 0) * len(IDS.fields)})
    shapes = {(s.key, s.box[1]) for t in plain.tensors if t.embedding for s in t.slices}
    assert shapes == {(("user",), (0, 3)), *(((f.name,), (0, 1)) for f in IDS.fields if f.name != "user")}

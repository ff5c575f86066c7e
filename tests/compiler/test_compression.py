"""Tables that take less than a row of numbers for each value: supernets, plain models, costs, and what is refused."""

from __future__ import annotations

from math import prod
from random import Random

import pytest
from generate import program_of, schema_of

from recspace.compiler.budgets import widest
from recspace.compiler.compile import check
from recspace.compiler.compression import KINDS
from recspace.compiler.cost import cost
from recspace.compiler.sampler import Sampler
from recspace.compiler.schema import Field
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, relaxed_agrees

SMALLER = KINDS[1:]
SCHEMA = schema_of(
    Field("user", "category", 13, "user"),
    Field("item", "category", 5, "item"),
    Field("tags", "many", 9, longest=3),
    Field("words", "many", 3, pool="sum", longest=3),
)
HEAD, END = "space T\n", "\nminimize logloss\n"
FIXED = """let e[f in fields] = embed(f, 4, table = {kind}, hash_rows = 40%)
let one = embed(user, 6, table = {kind})
predict sigmoid(linear(concat(concat(e), one), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""
SEARCHED = """choose table[f in fields] from {{full, {kinds}}}
let e[f in fields] = embed(f, 4, table = table[f], hash_rows = 40%)
predict sigmoid(linear(concat(e), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""
BOTH = """choose table[f in fields] from {{full, {kinds}}}
let e[f in fields] = align[f](embed(f, choose dim from {{2, 4}}, table = table[f], hash_rows = 40%), 4)
predict sigmoid(linear(concat(e), 1) + sum(dot(e[i], e[j]) for i < j in fields))"""


def pair_of(text: str, schema=SCHEMA) -> Pair:
    return Pair(program_of(HEAD + text + END), schema, {})


def texts() -> dict[str, str]:
    listed = ", ".join(SMALLER)
    fixed = {f"fixed {kind}": FIXED.format(kind=kind) for kind in SMALLER}
    return fixed | {"searched": SEARCHED.format(kinds=listed), "both": BOTH.format(kinds=listed)}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", texts())
def test_supernets_and_plain_models_agree_with_the_oracle(name: str, seed: int) -> None:
    pair = pair_of(texts()[name])
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize("name", texts())
def test_costs_are_those_of_what_is_stored(name: str, seed: int | None) -> None:
    pair = pair_of(texts()[name])
    graph = check(pair.program, SCHEMA, promises()).graph
    assert graph is not None
    architecture = widest(graph) if seed is None else Sampler(graph).draw(Random(seed))
    model = pair.plain(architecture)
    held = [t for t in model.tensors if t.trainable]
    unknown = sum(len(t.slices) * prod(t.shape[1:]) for t in held if t.embedding)
    assert cost("parameters", graph, SCHEMA, promises(), architecture) == sum(prod(t.shape) for t in held) - unknown


REFUSED = {
    "embed(price, 4, table = hashed)": ("S0750", "`price` is a number without bins"),
    "embed(user, 4, table = hasht)": ("S0310", "hashed"),
    "embed(user, 4, table = hashed, hash_rows = 0)": ("S0310", "is a number in 0.001..1"),
    "embed(user, 4, table = hashed, hash_rows = 2)": ("S0310", "is a number in 0.001..1"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    code, said = REFUSED[text]
    schema = schema_of(Field("user", "category", 4, "user"), Field("price", "number"))
    found = check(program_of(f"{HEAD}predict sigmoid(sum({text})){END}"), schema, promises()).diagnostics
    assert [d.code for d in found] == [code], found
    assert said in found[0].message + found[0].help

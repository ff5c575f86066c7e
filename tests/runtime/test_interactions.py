"""Crossed features read off decisions, against a list of all products."""

from itertools import product

import pytest

from recspace.compiler.decisions import Decision, Domain
from recspace.runtime.interactions import interactions

GATE = Domain("gate", ("off", "on"))
FIELDS = frozenset("abcd")


def decision(axes, keys):
    return Decision("g", axes, len(keys), tuple(keys), (GATE,))


def test_pairs_and_sets():
    pairs = decision(("i < j in fields",), [("a", "b"), ("a", "c"), ("b", "c")])
    found = interactions(pairs, (1, 0, 1), (0.2, 9.0, -0.7), FIELDS)
    assert [(i.name, i.weight) for i in found] == [("b × c", -0.7), ("a × b", 0.2)]
    sets = decision(("k in 2..3", "s in subsets(fields, k)"), [(2, "a*b"), (3, "a*b*c"), (3, "b*c*d")])
    assert [i.fields for i in interactions(sets, (1, 1, 0), (0.1, 0.3, 1.0), FIELDS)] == [("a", "b", "c"), ("a", "b")]


def test_other_decisions_are_none():
    assert interactions(decision(("f in fields",), [("a",), ("b",)]), (1, 1), (1, 1), FIELDS) == []
    width = Decision("d", ("f in fields",), 1, (("a",),), (Domain("number", (2, 4)),))
    assert interactions(width, (1,), (1,), FIELDS) == []


@pytest.mark.parametrize("shut", [set(), {(3, "a", "b"), (3, "a", "c"), (3, "a", "d"), (3, "a", "a")}])
def test_layers_are_chains(shut):
    keys = [(k, i, j) for k in (2, 3) for i in "abcd" for j in "abcd"]
    weight = {key: 0.1 + 0.01 * n for n, key in enumerate(keys)}
    options = tuple(int(key not in shut) for key in keys)
    found = interactions(decision(("k in 2..3", "i, j in fields"), keys), options, [weight[k] for k in keys], FIELDS)
    expected = {}
    for i, j in product("abcd", repeat=2):
        if i != j:
            expected[frozenset((i, j))] = max(expected.get(frozenset((i, j)), 0), weight[2, i, j])
        for m in "abcd":
            if len({i, j, m}) == 3 and (3, i, m) not in shut:
                own = weight[2, i, j] * weight[3, i, m]
                expected[frozenset((i, j, m))] = max(expected.get(frozenset((i, j, m)), 0), own)
    assert {frozenset(i.fields): i.weight for i in found} == pytest.approx(expected)
    assert [i.weight for i in found] == sorted((i.weight for i in found), reverse=True)

"""Sizes equal the number of architectures that a naive enumeration finds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product
from math import comb, prod

import pytest
from generate import Generated, spaces
from hypothesis import HealthCheck, Phase, given, settings
from reference import Interpreter
from small_graphs import GATE, NOWHERE, Small, naive, random_graphs

from recspace.compiler.compile import check
from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.example import EXAMPLE
from recspace.compiler.ir import DecisionNode, Graph, Index, Ref, Rows
from recspace.compiler.resolve import resolve
from recspace.compiler.size import Size, show, size, unmet
from recspace.dsl import library_path, load
from recspace.runtime.registry import promises

NUMBERS = Domain("number", (1, 2, 5))


@settings(max_examples=200, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(random_graphs())
def test_size_equals_the_naive_count(graph: Graph) -> None:
    expected = sum(1 for _ in naive(graph))
    found = size(graph)
    assert found.exact
    assert found.value == expected


def per_value(bound: int | None, *, spelled_out: bool, domain: Domain = GATE) -> Graph:
    """A decision for each of 3 and 4 values of two fields, at most `bound` in all; or the same one by one."""
    small = Small()
    if spelled_out:
        rows = small.choose("keep", domain, 7)
    else:
        index = Index(("f in fields", "v in values(f)"), (("a", "·"), ("b", "·")), ("a", "b"))
        small.decisions.append(
            Decision("keep", index.axes, 7, None, (domain,), defaults=(0,), per_value="a", counts=(3, 4))
        )
        rows = small.add(DecisionNode(index=index, span=NOWHERE, name="keep", elements=Rows.all(2)))
    if bound is not None:
        small.require(small.op("<=", small.reduce("sum", rows), small.constant(bound)))
    return small.graph()


@pytest.mark.parametrize("bound", [None, 0, 2, 6, 7])
def test_a_family_over_values_counts_as_if_it_were_spelled_out(bound: int | None) -> None:
    assert size(per_value(bound, spelled_out=False)).value == size(per_value(bound, spelled_out=True)).value
    expected = sum(comb(7, k) for k in range((7 if bound is None else bound) + 1))
    assert size(per_value(bound, spelled_out=False)).value == expected


@pytest.mark.parametrize("bound", [6, 7, 8, 20, 34, 35])
def test_numbers_for_values_add_up(bound: int) -> None:
    expected = sum(sum(widths) <= bound for widths in product((1, 2, 5), repeat=7))
    assert size(per_value(bound, spelled_out=False, domain=NUMBERS)).value == expected


@pytest.mark.parametrize("name", ["any", "all", "sum"])
def test_values_and_a_decision_of_all_of_them_go_together(name: str) -> None:
    """A gate exists where some (all, two) of the values have theirs on; there are as many as if spelled out."""
    sizes = []
    for spelled_out in (False, True):
        small = Small()
        small.nodes.update(dict(per_value(None, spelled_out=spelled_out).items()))
        small.decisions += per_value(None, spelled_out=spelled_out).decisions
        rows = Ref(0, Rows.all(7 if spelled_out else 2))
        found = small.reduce(name, rows)
        exists = small.op("==", found, small.constant(2)) if name == "sum" else found
        small.choose("more", NUMBERS, exists=exists)
        sizes.append(size(small.graph()))
    expected = {"any": 1 + 127 * 3, "all": 127 + 3, "sum": 128 - 21 + 21 * 3}[name]
    assert [s.value for s in sizes] == [expected, expected]


def gates(n: int, relation: str, bound: int) -> Graph:
    small = Small()
    keep = small.choose("keep", GATE, n)
    small.require(small.op(relation, small.reduce("sum", keep), small.constant(bound)))
    return small.graph()


@pytest.mark.parametrize(
    ("relation", "bound", "sizes"),
    [
        ("<=", 20, range(21)),
        ("==", 370, [370]),
        (">=", 700, range(700, 742)),
        ("!=", 3, [k for k in range(742) if k != 3]),
    ],
)
def test_some_of_741_gates(relation: str, bound: int, sizes: Sequence[int]) -> None:
    graph = gates(741, relation, bound)
    start = time.process_time()
    found = size(graph)
    assert time.process_time() - start < 1
    assert found.value == sum(comb(741, k) for k in sizes)


def test_many_free_decisions_are_counted_at_once() -> None:
    small = Small()
    small.choose("keep", GATE, 100_000)
    graph = small.graph()
    start = time.process_time()
    found = size(graph)
    assert time.process_time() - start < 0.5
    assert found.value == 2**100_000
    assert show(found).endswith("= 2^100000 ≈ 10^30102")


def test_sums_of_unequal_weights_are_exact() -> None:
    small = Small()
    weights = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41]
    parts = [small.op("*", small.choose(f"k{w}", GATE), small.constant(w)) for w in weights]
    small.require(small.op("<=", small.reduce("sum", *parts), small.constant(100)))
    every = [sum(w for w, on in zip(weights, bits, strict=True) if on) for bits in product((0, 1), repeat=12)]
    assert size(small.graph()).value == sum(total <= 100 for total in every)


def test_a_chain_of_implications() -> None:
    small = Small()
    keep = small.choose("keep", GATE, 60)
    left, right = Ref(keep.node, Rows(range(59))), Ref(keep.node, Rows(range(1, 60)))
    small.require(small.op("not", small.op("and", left, right)))
    fibonacci = [1, 2]
    while len(fibonacci) < 61:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert size(small.graph()).value == fibonacci[60]


def test_requirements_that_clash_are_named() -> None:
    small = Small()
    width, other = small.choose("width", NUMBERS), small.choose("other", NUMBERS)
    small.require(small.op(">=", width, small.constant(2)))
    small.require(small.op("<=", other, small.constant(2)))
    small.require(small.op("<", width, small.constant(2)))
    graph = small.graph()
    found = size(graph)
    assert found.value == 0
    assert found.conflict == (graph.outputs[0], graph.outputs[2])
    assert [d.code for d in unmet(graph, found)] == ["S0408"]


def test_what_is_too_hard_is_bounded() -> None:
    small = Small()
    keep = small.choose("keep", GATE, 144)
    for k in range(12):
        for rows in (range(12 * k, 12 * k + 12), range(k, 144, 12)):
            small.require(small.op("<=", small.reduce("sum", Ref(keep.node, Rows(rows))), small.constant(4)))
    found = size(small.graph(), steps=20_000)
    assert not found.exact
    assert found.value is None
    assert found.upper == 2**144
    assert found.why


FORMULAS = {
    "interaction/autofis": ("2^(F(F−1)/2) = 2^36", 2**36),
    "interaction/l0sign": ("2^(F(F+1)/2) = 2^45", 2**45),
    "interaction/fives": ("2^(3·F^2) = 2^243", 2**243),
    "interaction/autogroup": ("2^(60·F) = 2^540", 2**540),
    "interaction/profit": ("2^(Σ_{k=2..K} C(F, k)) = 2^246", 2**246),
    "interaction/profit_ranks": ("4^3·2^(Σ_{k=2..K} C(F, k)) = 4^3·2^246", 4**3 * 2**246),
    "interaction/autocross": (
        "3^(count(numeric))·(Σ_{m≤10} C(246, m)) = 3^2·(Σ_{m≤10} C(246, m))",
        9 * sum(comb(246, m) for m in range(11)),
    ),
    "component/optinter": ("3^(F(F−1)/2) = 3^36", 3**36),
    "component/sif": ("C(5, 1)", 5),
    "component/autopi": ("216·C(3, 2)·6^2·C(4, 2)·6^2", prod(comb(j, min(2, j)) * 6 ** min(2, j) for j in range(1, 5))),
    "component/autofeature": (
        "C(3, 2)^120·C(4, 2)^120·C(5, 2)^84·5^360",
        prod(prod(5 * comb(k + level - 1, 2) for level in (1, 2, 3)) ** comb(9, k) for k in (2, 3)),
    ),
    "embedding/autodim": ("5^F = 5^9", 5**9),
    "embedding/dnis": ("2^(S·width) = 2^192", 2**192),
    "embedding/pep": ("2^(V·width) = 2^149952", 2**149952),
    "embedding/amtl": ("16^V = 16^2343", 16**2343),
    "model/autoctr": ("2^(n(n+3)/2)·9^n = 2^35·9^7", 9**7 * 2**35),
    "model/ameir": (
        "32^n1·(Σ_{m≤16} C(120, m))·40^n2 = 32^3·(Σ_{m≤16} C(120, m))·40^3",
        32**3 * 40**3 * sum(comb(120, m) for m in range(17)),
    ),
    "model/autoias": (None, 4**9 * sum(4**d * (3 + 9 * d) ** 36 for d in range(1, 6))),
}


def shipped(name: str) -> Graph:
    program, _ = load(library_path() / f"{name}.space", library_path())
    assert program is not None
    graph = resolve(program, EXAMPLE, promises()).graph
    assert graph is not None
    return graph


@pytest.mark.parametrize("name", FORMULAS)
def test_shipped_spaces_have_the_sizes_of_their_papers(name: str) -> None:
    formula, value = FORMULAS[name]
    found = size(shipped(name))
    assert found.exact
    assert found.value == value
    if formula is not None:
        assert found.formula == formula


def test_a_size_may_depend_on_the_example() -> None:
    found = size(shipped("interaction/l0sign_sets"))
    assert found.value is None
    assert found.exact
    assert found.formula == "2^(n(n+1)/2)"
    assert dict(found.legend) == {"n": "elements of nodes in an example"}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces())
def test_sizes_of_generated_spaces_are_what_an_enumeration_finds(space: Generated):
    checked = check(space.program(), space.schema, promises())
    assert checked.graph is not None, checked.diagnostics
    assert checked.size.value == Interpreter(space.program(), space.schema, {}).size()


def test_a_size_of_many_digits_can_be_looked_at():
    assert repr(Size(10**5000, "10^5000", log10=5000.0)) == "Size('10^5000', exact=True, log10=5000)"

"""Sizes equal the number of architectures that a naive enumeration finds."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_graphs import GATE, Small, naive, repeated, row

from recspace.compiler.decisions import Domain
from recspace.compiler.ir import Graph, Ref
from recspace.compiler.size import size

NUMBERS = Domain("number", (1, 2, 5))
NAMES = Domain("name", ("a", "b", "c"))
RANGE = Domain("range", (0, 1, 2), 0, 2)
SUBSET = Domain("subset", ("x", "y", "z"), 1, 2)
COMPARE = ("<=", "<", ">=", ">", "==", "!=")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to five decision elements with conditions upon one another, and up to three requirements."""
    small = Small()
    made: list[tuple[Ref, Domain]] = []

    def number() -> Ref:
        known = [(r, d) for r, d in made if d.kind in ("gate", "number", "range")]
        if not known or draw(st.integers(0, 5)) == 0:
            return small.constant(draw(st.integers(0, 4)))
        return draw(st.sampled_from(known))[0]

    def condition(depth: int = 2) -> Ref:
        kind = draw(st.sampled_from(("compare", "compare", "is", "member", "and", "or", "not", "sum", "max", "any", "select")))
        match kind:
            case "and" | "or" if depth:
                return small.op(kind, condition(depth - 1), condition(depth - 1))
            case "not" if depth:
                return small.op("not", condition(depth - 1))
            case "is" if any(d.kind == "name" for _, d in made):
                return small.takes(draw(st.sampled_from([r for r, d in made if d.kind == "name"])), draw(st.integers(0, 2)))
            case "member" if any(d.kind == "subset" for _, d in made):
                chosen = draw(st.sampled_from([r for r, d in made if d.kind == "subset"]))
                if draw(st.booleans()):
                    return small.takes(chosen, draw(st.integers(0, 2)), "member")
                return small.op(draw(st.sampled_from(COMPARE)), small.op("count", chosen), small.constant(draw(st.integers(0, 3))))
            case "select" if depth:
                return small.select(condition(depth - 1), (True, False), condition(depth - 1), condition(depth - 1))
            case "any":
                return small.reduce(draw(st.sampled_from(("any", "all"))), *(number() for _ in range(draw(st.integers(1, 4)))))
            case "sum" | "max":
                name = draw(st.sampled_from(("sum", "max", "min", "mean")))
                parts = [number() for _ in range(draw(st.integers(2, 5)))]
                parts = [small.op("*", p, number()) if draw(st.integers(0, 3)) == 0 else p for p in parts]
                return small.op(draw(st.sampled_from(COMPARE)), small.reduce(name, *parts), number())
        left = number() if draw(st.booleans()) else small.op(draw(st.sampled_from(("+", "-", "*"))), number(), number())
        return small.op(draw(st.sampled_from(COMPARE)), left, number())

    for k in range(draw(st.integers(1, 5))):
        domain = draw(st.sampled_from((GATE, GATE, NUMBERS, NAMES, RANGE, SUBSET)))
        exists = condition() if made and draw(st.booleans()) else None
        default: Any = draw(st.sampled_from(((0,), (1, 2)))) if domain.kind == "subset" else draw(st.integers(0, len(domain.options) - 1))
        made.append((small.choose(f"d{k}", domain, exists=exists, default=default), domain))
    for _ in range(draw(st.integers(0, 3))):
        small.require(condition())
    return small.graph()


@settings(max_examples=200, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(graphs())
def test_size_equals_the_naive_count(graph: Graph) -> None:
    expected = sum(1 for _ in naive(graph))
    found = size(graph)
    assert found.exact
    assert found.value == expected

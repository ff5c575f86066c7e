"""Small graphs made by hand, and a count of their architectures that shares no code with the compiler's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.ir import (
    Block,
    Constant,
    DecisionNode,
    Graph,
    Index,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Rows,
    Select,
)
from recspace.dsl.source import Source, Span

NOWHERE = Span(Source("small.space", "require nothing"), 0, 7)
GATE = Domain("gate", ("off", "on"))


class Small:
    """A graph under construction; every method gives the Ref of a node whose rows it made."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.decisions: list[Decision] = []

    def add(self, node: Node) -> Ref:
        self.nodes[len(self.nodes)] = node
        return Ref(len(self.nodes) - 1, Rows.all(len(node.index)))

    def index(self, n: int) -> Index:
        return Index(("k in 1..n",) if n != 1 else (), tuple((k,) for k in range(n)) if n != 1 else ((),))

    def choose(
        self, name: str, domain: Domain, n: int = 1, *, exists: Ref | None = None, default: Any = None,
        axes: tuple[str, ...] | None = None, keys: tuple[Any, ...] | None = None,
    ) -> Ref:  # fmt: skip
        index = self.index(n) if keys is None else Index(axes or (), keys)
        default = (tuple(range(int(domain.high))) if domain.kind == "subset" else 0) if default is None else default
        own = Decision(
            name, axes or index.axes, n, index.keys, (domain,), defaults=(default,), conditional=exists is not None
        )
        self.decisions.append(own)
        return self.add(DecisionNode(index=index, span=NOWHERE, name=name, elements=Rows.all(n), exists=exists))

    def constant(self, value: float, n: int = 1) -> Ref:
        return self.add(Constant(index=self.index(n), phase="compile", span=NOWHERE, values=np.full(n, float(value))))

    def op(self, name: str, *operands: Ref) -> Ref:
        index = self.index(len(operands[0].rows))
        return self.add(Operator(index=index, phase="search", span=NOWHERE, operator=name, operands=operands))

    def takes(self, decision: Ref, position: int, name: str = "is") -> Ref:
        return self.op(name, decision, self.constant(position, len(decision.rows)))

    def reduce(self, name: Any, *operands: Ref) -> Ref:
        blocks = tuple(Block(ref=r, count=len(r.rows)) for r in operands)
        return self.add(Reduce(index=self.index(1), phase="search", span=NOWHERE, operator=name, blocks=blocks))

    def select(self, subject: Ref, labels: Sequence[Any], *alternatives: Ref) -> Ref:
        index = self.index(len(subject.rows))
        return self.add(
            Select(
                index=index,
                phase="search",
                span=NOWHERE,
                subject=subject,
                labels=tuple(labels),
                alternatives=alternatives,
            )
        )

    def require(self, condition: Ref) -> None:
        self.add(
            Output(
                index=self.index(len(condition.rows)), span=NOWHERE, role="constraint", value=condition, text="required"
            )
        )

    def graph(self) -> Graph:
        return Graph("small", self.nodes, tuple(self.decisions))


def row(ref: Ref, k: int) -> Ref:
    """One row of a node."""
    return Ref(ref.node, Rows([int(ref.rows.array[k])]))


def repeated(ref: Ref, n: int) -> Ref:
    """The first row of a node, n times."""
    return Ref(ref.node, Rows([int(ref.rows.array[0])] * n))


# -- the naive count -------------------------------------------------------------------------------------------------


def options(domain: Domain) -> list[Any]:
    if domain.kind == "subset":
        n = range(len(domain.options))
        return [c for k in range(int(domain.low), int(domain.high) + 1) for c in combinations(n, k)]
    return list(range(len(domain.options)))


def naive(graph: Graph) -> Iterator[dict[str, tuple[Any, ...]]]:
    """Every architecture, once: all combinations of all options; None where a decision does not exist."""
    elements = [(d, e) for d in graph.decisions for e in range(d.elements)]
    nodes = dict(graph.items())
    seen = set()
    for choice in product(*(options(d.domain(e)) for d, e in elements)):
        taken = {(d.name, e): c for (d, e), c in zip(elements, choice, strict=True)}
        world = World(graph, nodes, taken)
        if all(world.met(key) for key in graph.outputs):
            canonical = tuple(c if world.alive(d.name, e) else None for (d, e), c in zip(elements, choice, strict=True))
            if canonical not in seen:
                seen.add(canonical)
                at = dict(zip([(d.name, e) for d, e in elements], canonical, strict=True))
                yield {d.name: tuple(at[d.name, e] for e in range(d.elements)) for d in graph.decisions}


class World:
    """One combination of options, and what follows from it."""

    def __init__(self, graph: Graph, nodes: dict[int, Node], taken: dict[tuple[str, int], Any]) -> None:
        self.graph, self.nodes, self.taken = graph, nodes, taken
        self.known: dict[tuple[int, int, bool], Any] = {}
        self.decisions = {d.name: d for d in graph.decisions}

    def alive(self, name: str, element: int) -> bool:
        for node in self.nodes.values():
            if isinstance(node, DecisionNode) and node.name == name and element in node.elements.array:
                at = node.elements.array.tolist().index(element)
                return node.exists is None or bool(self.value(node.exists.node, int(node.exists.rows.array[at]), False))
        raise AssertionError(name)

    def met(self, key: int) -> bool:
        output = self.nodes[key]
        assert isinstance(output, Output)
        results = [self.value(output.value.node, r, True) for r in output.value.rows.array.tolist()]
        return all(r is None or bool(r) for r in results)

    def value(self, key: int, row: int, strict: bool) -> Any:
        if (key, row, strict) not in self.known:
            self.known[key, row, strict] = self._value(self.nodes[key], row, strict)
        return self.known[key, row, strict]

    def _value(self, node: Node, row: int, strict: bool) -> Any:
        def read(ref: Ref, k: int) -> Any:
            return self.value(ref.node, int(ref.rows.array[k]), strict)

        match node:
            case Constant():
                return float(node.values[row])
            case DecisionNode():
                return self._decision(node, row, strict)
            case Operator():
                return self._apply(node, [read(r, row) for r in node.operands])
            case Select():
                subject = read(node.subject, row)
                if subject is None:
                    return None
                own = self.nodes[node.subject.node]
                if isinstance(own, DecisionNode) and self.decisions[own.name].domain(0).kind == "name":
                    subject = self.decisions[own.name].domain(0).options[subject]
                return next(
                    read(a, row) for label, a in zip(node.labels, node.alternatives, strict=True) if label == subject
                )
            case Reduce():
                values = [read(b.ref, k) for b in node.blocks for k in range(row * b.count, (row + 1) * b.count)]
                there = [v for v in values if v is not None]
                if values and not there:
                    return None
                functions: dict[str, Any] = {
                    "sum": sum,
                    "max": max,
                    "min": min,
                    "any": any,
                    "all": all,
                    "mean": lambda v: sum(v) / len(v),
                }
                return functions[node.operator](there)
        raise AssertionError(node)

    def _decision(self, node: DecisionNode, row: int, strict: bool) -> Any:
        element = int(node.elements.array[row])
        position = self.taken[node.name, element]
        domain = self.decisions[node.name].domain(element)
        if not self.alive(node.name, element):
            if strict:
                return None
            position = self.decisions[node.name].default(element)
        if domain.kind in ("subset", "name", "alternative"):
            return position
        return float(position) if domain.kind == "gate" else float(domain.options[position])

    def _apply(self, node: Operator, v: list[Any]) -> Any:
        own = self.nodes[node.operands[0].node]
        if node.operator == "is" and v[0] is not None and isinstance(own, DecisionNode):
            domain = self.decisions[own.name].domain(0)
            v[0] = [float(o) for o in domain.options].index(v[0]) if domain.kind in ("number", "range") else v[0]
        match node.operator:
            case "and":
                return False if any(x is not None and not x for x in v) else None if None in v else True
            case "or":
                return True if any(x for x in v if x is not None) else None if None in v else False
        if None in v:
            return None
        return APPLIED[node.operator](*v)


APPLIED: dict[str, Any] = {
    "not": lambda a: not a,
    "is": lambda a, b: a == b,
    "member": lambda a, b: int(b) in a,
    "count": len,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


# -- random graphs --------------------------------------------------------------------------------

NUMBERS = Domain("number", (1, 2, 5))
NAMES = Domain("name", ("a", "b", "c"))
RANGE = Domain("range", (0, 1, 2), 0, 2)
SUBSET = Domain("subset", ("x", "y", "z"), 1, 2)
COMPARE = ("<=", "<", ">=", ">", "==", "!=")


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Up to five decision elements with conditions upon one another, and up to three requirements."""
    small = Small()
    made: list[tuple[Ref, Domain]] = []

    def number() -> Ref:
        known = [(r, d) for r, d in made if d.kind in ("gate", "number", "range")]
        if not known or draw(st.integers(0, 5)) == 0:
            return small.constant(draw(st.integers(0, 4)))
        return draw(st.sampled_from(known))[0]

    def condition(depth: int = 2) -> Ref:
        kind = draw(
            st.sampled_from(("compare", "compare", "is", "member", "and", "or", "not", "sum", "max", "any", "select"))
        )
        match kind:
            case "and" | "or" if depth:
                return small.op(kind, condition(depth - 1), condition(depth - 1))
            case "not" if depth:
                return small.op("not", condition(depth - 1))
            case "is" if any(d.kind == "name" for _, d in made):
                return small.takes(
                    draw(st.sampled_from([r for r, d in made if d.kind == "name"])), draw(st.integers(0, 2))
                )
            case "member" if any(d.kind == "subset" for _, d in made):
                chosen = draw(st.sampled_from([r for r, d in made if d.kind == "subset"]))
                if draw(st.booleans()):
                    return small.takes(chosen, draw(st.integers(0, 2)), "member")
                return small.op(
                    draw(st.sampled_from(COMPARE)), small.op("count", chosen), small.constant(draw(st.integers(0, 3)))
                )
            case "select" if depth:
                return small.select(condition(depth - 1), (True, False), condition(depth - 1), condition(depth - 1))
            case "any":
                return small.reduce(
                    draw(st.sampled_from(("any", "all"))), *(number() for _ in range(draw(st.integers(1, 4))))
                )
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
        default: Any = (
            draw(st.sampled_from(((0,), (1, 2))))
            if domain.kind == "subset"
            else draw(st.integers(0, len(domain.options) - 1))
        )
        made.append((small.choose(f"d{k}", domain, exists=exists, default=default), domain))
    for _ in range(draw(st.integers(0, 3))):
        small.require(condition())
    return small.graph()

"""What relaxing has made so far, and what the old nodes have become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recspace.dsl.source import Span

from ...decisions import Decision
from ...ir import Constant, DecisionNode, Graph, Node, Operator, Ref, Rows, Select
from ...promise import Promises
from ...shapes import Searched, Shape
from ...unfinished import not_yet


@dataclass(frozen=True, slots=True)
class Variants:
    """A value of searched width: by the options of one decision, each of a fixed width.

    `subject`: the decision's row for every row; `options`: the option's position for every alternative. `mixable`: all
    have one shape by now, and are mixed by whoever reads them next, unless that has statistics for each of them.
    """

    subject: Ref
    options: tuple[int, ...]
    texts: tuple[str, ...]
    alternatives: tuple[Ref, ...]
    mixable: bool = False

    def at(self, rows: Rows) -> Variants:
        def of(ref: Ref) -> Ref:
            return Ref(ref.node, ref.rows.take(rows))

        return replace(self, subject=of(self.subject), alternatives=tuple(map(of, self.alternatives)))


class Relaxing:
    """`nodes` is the new graph; `values` what each node of the old one has become; `spread`: concatenations in which
    candidates of unequal widths lie side by side."""

    def __init__(self, graph: Graph, promises: Promises) -> None:
        self.graph, self.promises = graph, promises
        self.nodes: dict[int, Node] = {}
        self.next = max(k for k, _ in graph.items()) + 1
        self.values: dict[int, Ref | Variants] = {}
        self.spread: set[int] = set()

    def add(self, node: Node, key: int | None = None) -> Ref:
        key = self.fresh() if key is None else key
        self.nodes[key] = node
        return Ref(key, Rows.all(len(node.index)))

    def fresh(self) -> int:
        self.next += 1
        return self.next - 1

    def value(self, ref: Ref, apart: bool = False) -> Ref | Variants:
        """What rows of a node have become. `apart`: alternatives of one shape are not mixed yet."""
        found = self.values[ref.node]
        if isinstance(found, Variants) and found.mixable and not apart:
            shape = self.nodes[found.alternatives[0].node].shape
            found = self.mixed(self.graph[ref.node], found.subject, found.options, found.alternatives, shape)
            self.values[ref.node] = found
        return found.at(ref.rows) if isinstance(found, Variants) else Ref(found.node, found.rows.take(ref.rows))

    def fixed(self, ref: Ref, span: Span) -> Ref:
        found = self.value(ref)
        if isinstance(found, Variants):
            raise not_yet(
                span,
                "a value of searched width in this place",
                "bring it to one width with align(x, n) where it is made",
            )
        return found

    def number(self, ref: Ref) -> Ref | Variants:
        """What rows have become, a number that is decided being its expectation."""
        leaf = self.leaf(ref)
        if leaf is None:
            return self.value(ref)
        options = self.options(leaf)
        if not all(isinstance(o, int | float) for o in options):
            raise not_yet(leaf.span, "a name as a number")
        table = np.tile(np.array(options, dtype=np.float64), (len(ref.rows), 1))
        weights = self.fixed(ref, leaf.span)
        index = self.graph[ref.node].index.take(ref.rows)
        made = Operator(index=index, phase="run", span=leaf.span, operator="expect",
                        operands=(weights,), options={"table": table, "sizes": (len(options),)})  # fmt: skip
        return self.add(made)

    def mixed(
        self,
        node: Node,
        subject: Ref,
        options: tuple[int, ...],
        alternatives: Sequence[Ref],
        shape: Shape,
        key: int | None = None,
    ) -> Ref:
        made = Select(index=node.index, shape=fixed_shape(shape), phase="run", place=node.place, span=node.span,
                      subject=subject, labels=options, alternatives=tuple(alternatives))  # fmt: skip
        return self.add(made, key)

    def decision(self, node: DecisionNode) -> Decision:
        return self.graph.decision(node.name)

    def options(self, node: DecisionNode) -> tuple[Any, ...]:
        decision = self.decision(node)
        used = {decision.domain_of[e] if decision.domain_of else 0 for e in node.elements.array}
        if len(used) > 1:
            raise not_yet(node.span, f"`{node.name}`, whose domain differs between its elements,")
        return decision.domains[used.pop()].options

    def leaf(self, ref: Ref) -> DecisionNode | None:
        """The decision that an operand is, or is looked up in, if it is one of numbers or names (gates are numbers
        already)."""
        node = self.graph[ref.node]
        if isinstance(node, Operator) and node.operator == "lookup":
            node = self.graph[node.operands[0].node]
        if isinstance(node, DecisionNode) and self.decision(node).domains[0].kind != "gate":
            return node
        return None

    def constant(self, node: Node, value: float) -> Ref:
        return self.add(
            Constant(index=node.index, phase="compile", span=node.span, values=np.full(len(node.index), value))
        )

    def numbers(self, ref: Ref) -> np.ndarray:
        node = self.graph[ref.node]
        assert isinstance(node, Constant)
        return node.values[ref.rows.array]


def fixed_shape(shape: Shape) -> Shape:
    """No searched width is left (the widest stands where one was)."""
    return replace(shape, dims=tuple(d.widest if isinstance(d, Searched) else d for d in shape.dims))

"""What search-phase nodes come to under an architecture: exact numbers, element by element (`counting/values.py`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from .counting.values import Option, Unsupported, Value, aggregate, equals, exact, option_value, scalar, settles
from .decisions import Architecture, Decision
from .ir import (
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Select,
    SubsetSum,
)


def elements_of(node: Reduce, row: int) -> list[tuple[Ref, int]]:
    """The elements that a row of a Reduce runs over, as (operand, position in its rows)."""
    if node.segments is not None:
        where = np.flatnonzero(node.segments.array == row)
        return [(node.blocks[0].ref, int(k)) for k in where]
    return [(b.ref, k) for b in node.blocks for k in range(row * b.count, (row + 1) * b.count)]


def merged(node: Merge, row: int) -> tuple[int, int]:
    """The node and its row that a row of a Merge stands for."""
    k = int(node.source_of.array[row])
    before = int(np.count_nonzero(node.source_of.array[:row] == k))
    return node.sources[k].node, int(node.sources[k].rows.array[before])


class Evaluator:
    """Evaluates rows of search-phase nodes under one architecture. `strict`: a decision that does not exist is None;
    else it has its default, whatever the architecture holds there (conditions of existence are read so)."""

    def __init__(self, graph: Graph, architecture: Architecture, *, strict: bool) -> None:
        self.graph, self.architecture, self.strict = graph, architecture, strict
        self._decisions: dict[str, Decision] = {d.name: d for d in graph.decisions}
        self._known: dict[tuple[int, int, int | None], Value] = {}
        self._starts: dict[str, list[int]] = {}
        self._loose = Evaluator(graph, architecture, strict=False) if strict else self

    def at(self, ref: Ref, k: int, value: int | None = None) -> Value:
        """Row k of an operand; `value` picks a value (from 0) where it is a family over the values of a field."""
        return self.row(ref.node, int(ref.rows.array[k]), value)

    def row(self, node: int, row: int, value: int | None = None) -> Value:
        """The value of one row of a node."""
        own = self.graph[node]
        key = (node, row, value if own.index.values else None)
        if key not in self._known:
            self._known[key] = self._value(own, row, key[2])
        return self._known[key]

    def exists(self, node: DecisionNode, row: int, value: int | None = None) -> bool:
        """Whether the decision of a row exists."""
        return node.exists is None or bool(self._loose.at(node.exists, row, value))

    def values_of(self, field: str) -> range:
        """The values of a field, as far as decisions are indexed by it."""
        for node in (n for _, n in self.graph.items()):
            if isinstance(node, DecisionNode) and field in node.index.values:
                element = int(node.elements.array[node.index.values.index(field)])
                return range(copies_of(self._decisions[node.name], element))
        raise Unsupported(field)

    def _value(self, node: Node, row: int, value: int | None) -> Value:
        match node:
            case Constant():
                return _plain(node.values[row])
            case DecisionNode():
                return self._decision(node, row, value)
            case Operator():
                return self._operator(node, row, value)
            case Select():
                return self._select(node, row, value)
            case Reduce():
                return self._reduce(node, row, value)
            case Merge():
                return self.row(*merged(node, row), value)
            case Output():
                return self.at(node.value, row, value)
            case Input() | Learned() | SubsetSum() | Cost():
                raise Unsupported(type(node).__name__)
            case _:
                assert_never(node)

    def _decision(self, node: DecisionNode, row: int, value: int | None) -> Value:
        if node.index.runs or (node.index.values and value is None):
            raise Unsupported(node.name)
        element = int(node.elements.array[row])
        decision = self._decisions[node.name]
        if self.exists(node, row, value):
            at = element if value is None else self._start(decision, element) + value
            return option_value(decision.domain(element), self.architecture[node.name][at])
        return None if self.strict else option_value(decision.domain(element), decision.default(element))

    def _start(self, decision: Decision, element: int) -> int:
        if decision.name not in self._starts:
            sizes = [
                copies_of(decision, e) for e in range(max(len(decision.counts), len(decision.defaults), element + 1))
            ]
            self._starts[decision.name] = [0, *accumulate(sizes)]
        return self._starts[decision.name][element]

    def _operator(self, node: Operator, row: int, value: int | None) -> Value:
        first = self.at(node.operands[0], row, value)
        match node.operator:
            case "member":
                return None if first is None else int(self.at(node.operands[1], row, value)) in first
            case "count":
                return None if first is None else len(first)
            case "is":
                subject = position_of(self.graph, node.operands[0], row, self._decisions, first)
                return equals(subject, self.at(node.operands[1], row, value))
        return scalar(node.operator, [first, *(self.at(r, row, value) for r in node.operands[1:])])

    def _select(self, node: Select, row: int, value: int | None) -> Value:
        subject = self.at(node.subject, row, value)
        if subject is None:
            return None
        for label, alternative in zip(node.labels, node.alternatives, strict=True):
            if settles(subject, label):
                return self.at(alternative, row, value)
        raise Unsupported("no alternative")

    def _reduce(self, node: Reduce, row: int, value: int | None) -> Value:
        values = []
        for position, (ref, k) in enumerate(elements_of(node, row)):
            fields = self.graph[ref.node].index.values
            spread = fields and not node.index.values
            for v in self.values_of(fields[int(ref.rows.array[k])]) if spread else [value]:
                weight = True
                if node.weights is not None:
                    weight = self.at(node.weights, k if len(node.blocks) == 1 else position, v)
                if weight:
                    values.append(self.at(ref, k, v))
        return aggregate(node.operator, values)


def copies_of(decision: Decision, element: int) -> int:
    """How many elements a row of a decision stands for: one for each value, where it is indexed by values."""
    if not decision.per_value:
        return 1
    if decision.counts:
        return decision.counts[element]
    return decision.elements // max(len(decision.domain_of), len(decision.defaults), 1)


def position_of(graph: Graph, ref: Ref, k: int, decisions: Mapping[str, Decision], value: Value) -> Value:
    """The value as `is` compares it: the position of the option, wherever the operand is a decision."""
    node, row = graph[ref.node], int(ref.rows.array[k])
    while isinstance(node, Merge):
        key, row = merged(node, row)
        node = graph[key]
    if value is None or isinstance(value, Option) or not isinstance(node, DecisionNode):
        return value
    domain = decisions[node.name].domain(int(node.elements.array[row]))
    match domain.kind:
        case "number":
            return [exact(o) for o in domain.options].index(value)  # type: ignore[arg-type]
        case "range":
            return int(value) - int(domain.low)
        case _:
            return domain.options.index("on" if value else "off") if domain.kind == "gate" else value


def _plain(values: NDArray[np.float64]) -> Value:
    if values.ndim == 0:
        return exact(float(values))
    return tuple(_plain(v) for v in values)


def evaluate(graph: Graph, architecture: Architecture, node: int, *, strict: bool = False) -> NDArray[np.float64]:
    """Every row of a search-phase node under an architecture: [rows] or [rows, *shape]; a condition is 0 or 1, a name
    the position of its option. With `strict` what reads a decision that does not exist is nan.

    Raises Unsupported where the node reads examples, weights, costs or decisions indexed by values of a field.
    """
    evaluator = Evaluator(graph, architecture, strict=strict)
    rows = [_number(evaluator.row(node, r)) for r in range(len(graph[node].index))]
    return np.array(rows, dtype=np.float64)


def _number(value: Value) -> Any:
    match value:
        case None:
            return math.nan
        case Option():
            return value.position
        case tuple():
            return [_number(v) for v in value]
        case _:
            return float(value)

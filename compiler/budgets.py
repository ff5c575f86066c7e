"""Requirements on costs: `require parameters(e) <= 30%`, met by an architecture or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from recspace.dsl.source import Span

from .architectures import hand_made
from .compression import FULL, KINDS
from .cost import BYTES, Costs, Measure
from .counting.problem import requirements
from .counting.values import exact, scalar
from .decisions import Architecture, Decision
from .evaluate import Evaluator
from .ir import Constant, Cost, Graph, Node, Operator, Output, Ref
from .passes.keep import Place
from .promise import Promises
from .schema import Schema
from .unfinished import not_yet

Measured = Measure | Literal["latency"]
Clock = Callable[[Architecture], int]
"""Nanoseconds that the plain model of an architecture takes for a batch: always the same of the same one."""
NANOSECONDS = 10**9
"""Of a second, in which spaces write latencies."""


def widest(graph: Graph) -> Architecture:
    """Every gate on, every number and set at its largest, every table in full; names and alternatives at their default."""

    def largest(decision: Decision, element: int, default: Any) -> Any:
        domain = decision.domain(element)
        match domain.kind:
            case "gate":
                return domain.options.index("on")
            case "number":
                return max(range(len(domain.options)), key=lambda k: domain.options[k])
            case "range":
                return int(domain.high) - int(domain.low)
            case "real":
                return domain.high
            case "subset":
                return tuple(range(int(domain.high)))
            case "name" if FULL in domain.options and set(domain.options) <= set(KINDS):
                return domain.options.index(FULL)
            case _:
                return default

    plain = hand_made(graph)
    return {
        d.name: b"\x01" * d.elements
        if d.packed
        else tuple(largest(d, 0 if d.per_value else e, x) for e, x in enumerate(plain[d.name]))
        for d in graph.decisions
    }


@dataclass(frozen=True, slots=True)
class Limit:
    """`require parameters(e) <= 10%`: what it says of gates of values that multiply tables.

    The tables `places` (layer and element) take `most` at most, `taken` of which no such gate decides; each number that one
    opens takes `price`: 1 where numbers are counted, its bytes and that of its column where memory is (`cost.Table`).
    """

    text: str
    span: Span
    most: int
    taken: int
    places: frozenset[Place]
    price: int = 1


def limits(graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> tuple[Limit, ...]:
    """Every requirement on parameters and memory, for an architecture whose gates of values are still open to choice.

    Raises SpaceError (S0630) for one that is no bound from above.
    """
    shut = {
        d.name: bytes(d.elements) if d.packed else architecture[d.name]
        for d in graph.decisions
        if d.name in architecture
    }
    before = Costs(graph, schema, promises, {**hand_made(graph), **shut})
    whole = Costs(graph, schema, promises, widest(graph))
    found = []
    for output in on_costs(graph):
        cost, bound, strict = bounded(graph, output)
        if cost.measure == "latency":
            continue
        most = bound * (whole.measure(cost.measure, cost.scope) if cost.relative else 1)
        tables = whole.tables(whole.needed.live(cost.scope))
        places = frozenset((place[0], place[2]) for place in tables if len(place) > 2)
        price = BYTES + 1 if cost.measure == "memory" else 1
        taken = before.measure(cost.measure, cost.scope)
        found.append(Limit(output.text, output.span, _floor(most, strict), taken, places, price))
    return tuple(found)


def _floor(most: Fraction, strict: bool) -> int:
    """The largest whole number that stays within a bound."""
    return math.ceil(most) - 1 if strict else math.floor(most)


@dataclass(frozen=True, slots=True)
class Asked:
    """A cost of what `scope` reads, of the whole model where that is empty."""

    measure: Measured
    scope: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A requirement on costs: what `scope` reads may have `most` parameters, bytes, operations or nanoseconds."""

    text: str
    span: Span
    measure: Measured
    scope: tuple[Ref, ...]
    most: int

    @property
    def asked(self) -> Asked:
        """What is bounded."""
        return Asked(self.measure, self.scope)

    def said(self, cost: int) -> int | float:
        """A cost as it is told: latency in milliseconds, which is rounded up, all else as it is."""
        return math.ceil(cost / 1000) / 1000 if self.measure == "latency" else cost


@dataclass(frozen=True)
class Purse:
    """What the requirements on costs allow, and what an architecture takes of it. It has no slots, for it keeps the bounds
    once they are known. Raises SpaceError (S0630) for a requirement that is no bound from above.

    `clock`: where latency is measured; without it nothing is said of requirements on it."""

    graph: Graph
    schema: Schema
    promises: Promises
    clock: Clock | None = None

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """In the order of the space."""
        found = []
        for output in on_costs(self.graph):
            cost, bound, strict = bounded(self.graph, output)
            if cost.measure == "latency" and self.clock is None:
                continue
            one = NANOSECONDS if cost.measure == "latency" else 1
            most = bound * (self.widest(Asked(cost.measure, cost.scope)) if cost.relative else one)
            found.append(Bound(output.text, output.span, cost.measure, cost.scope, _floor(most, strict)))
        return tuple(found)

    @cached_property
    def _widest(self) -> Costs:
        return Costs(self.graph, self.schema, self.promises, widest(self.graph))

    @property
    def largest(self) -> tuple[int, ...]:
        """What the widest model takes of each bound."""
        return tuple(self._measured(bound.asked, self._widest) for bound in self.bounds)

    def spent(self, architecture: Architecture) -> tuple[int, ...]:
        """What an architecture takes of each bound."""
        return self.measured(architecture, [bound.asked for bound in self.bounds])

    def measured(self, architecture: Architecture, asked: Sequence[Asked]) -> tuple[int, ...]:
        """What an architecture costs."""
        costs = Costs(self.graph, self.schema, self.promises, {**hand_made(self.graph), **architecture})
        return tuple(self._measured(one, costs) for one in asked)

    def widest(self, asked: Asked) -> int:
        """What the widest model costs."""
        return self._measured(asked, self._widest)

    def places(self, asked: Asked) -> frozenset[Place]:
        """The tables, by layer and element, that a cost is of."""
        tables = self._widest.tables(self._widest.needed.live(asked.scope))
        return frozenset((place[0], place[2]) for place in tables if len(place) > 2)

    def _measured(self, asked: Asked, costs: Costs) -> int:
        if asked.measure != "latency":
            return costs.measure(asked.measure, asked.scope)
        assert self.clock is not None
        assert costs.architecture is not None
        return self.clock(costs.architecture)

    def cost(self, measure: Measure, architecture: Architecture) -> int:
        """What the whole model of an architecture costs."""
        return Costs(self.graph, self.schema, self.promises, {**hand_made(self.graph), **architecture}).measure(measure)

    def met(self, architecture: Architecture) -> bool:
        """Whether an architecture stays within every bound."""
        return all(cost <= bound.most for cost, bound in zip(self.spent(architecture), self.bounds, strict=True))

    def limits(self, architecture: Architecture) -> tuple[Limit, ...]:
        """What the bounds leave to gates of values, under an architecture of everything else; see `Limit`."""
        return limits(self.graph, self.schema, self.promises, architecture)


def on_costs(graph: Graph) -> tuple[Output, ...]:
    """The requirements on costs."""
    return tuple(node for _, node, kind in requirements(graph) if kind == "cost")


def bounded(graph: Graph, output: Output) -> tuple[Cost, Fraction, bool]:
    """The cost that a requirement bounds, by how much, and whether it has to stay below that."""
    node = graph[output.value.node]
    for operator, k in (("<=", 0), ("<", 0), (">=", 1), (">", 1)):
        if not (isinstance(node, Operator) and node.operator == operator and len(node.operands) == 2):
            continue
        cost, bound = graph[node.operands[k].node], graph[node.operands[1 - k].node]
        if isinstance(cost, Cost) and isinstance(bound, Constant):
            value = Fraction(exact(float(bound.values[int(node.operands[1 - k].rows.array[0])])))
            return cost, value, operator in ("<", ">")
    raise not_yet(output.span, "a requirement on costs that does not bound one of parameters, memory, flops or latency from above",
                  "bound what is stored: require parameters(e) <= 10%")  # fmt: skip


def meets(graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> bool:
    """Whether an architecture meets the requirements on costs that are counted (latency, which is measured, never refuses)."""
    return not unmet(graph, schema, promises, architecture)


def unmet(graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> tuple[Output, ...]:
    """The requirements on costs that an architecture does not meet."""
    evaluator = CostEvaluator(graph, schema, promises, architecture)
    found = []
    for key, node, kind in requirements(graph):
        measured = [n.measure for k in graph.ancestors([key]) if isinstance(n := graph[k], Cost)]
        if kind == "cost" and "latency" not in measured:
            values = [evaluator.row(node.value.node, row) for row in node.value.rows.array.tolist()]
            if any(met is not None and not met for met in values):
                found.append(node)
    return tuple(found)


class CostEvaluator(Evaluator):
    """Evaluates conditions that read costs as well; latency, in seconds, where there is a clock."""

    def __init__(
        self, graph: Graph, schema: Schema, promises: Promises, architecture: Architecture, clock: Clock | None = None
    ) -> None:
        super().__init__(graph, architecture, strict=True)
        self.costs = Costs(graph, schema, promises, architecture)
        self._clock = clock
        self._widest: Costs | None = None

    def _value(self, node: Node, row: int, value: int | None) -> Any:
        if not isinstance(node, Cost) or (node.measure == "latency" and self._clock is None):
            return super()._value(node, row, value)
        found = self._measured(node, self.costs)
        if not node.relative:
            return found
        if self._widest is None:
            self._widest = Costs(self.graph, self.costs.schema, self.costs.promises, widest(self.graph))
        whole = self._measured(node, self._widest)
        return scalar("/", [found, whole]) if whole else 0

    def _measured(self, node: Cost, costs: Costs) -> int | float:
        if node.measure != "latency":
            return costs.measure(node.measure, node.scope)
        assert self._clock is not None
        assert costs.architecture is not None
        return self._clock(costs.architecture) / NANOSECONDS

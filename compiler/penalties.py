"""Costs in what is minimized: `minimize logloss + 0.1 * relu(parameters(e) / 30% - 1)`.

They depend on the architecture alone. So they are no part of a module, whose weights cannot change them, and are added up where
architectures are judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .budgets import Clock, CostEvaluator
from .decisions import Architecture
from .ir import Cost, Graph, Operator, Output, Ref
from .promise import Promises
from .schema import Schema
from .unfinished import not_yet

SMOOTH = frozenset({"+", "-", "*", "/", "^", "negate", "abs", "relu", "log", "exp", "tanh", "sigmoid"})
"""Operators that gradients pass."""


def charged(graph: Graph) -> tuple[Output, ...]:
    """The objectives that costs are a part of, beside what is computed: one of costs alone is an objective of its own."""
    found = (n for k in graph.outputs if isinstance(n := graph[k], Output) and _has_cost(graph, n))
    return tuple(n for n in found if graph[n.value.node].phase == "run")


def penalty(
    graph: Graph, schema: Schema, promises: Promises, architecture: Architecture, clock: Clock | None = None
) -> float:
    """What costs add to what is minimized; 0 where they have no part in it. `clock`: where latency is measured. Raises
    SpaceError (S0630) as `without` does."""
    own = charges(graph)
    if not own:
        return 0.0
    evaluator = CostEvaluator(graph, schema, promises, architecture, clock)
    return sum(sign * float(evaluator.row(ref.node, int(ref.rows.array[0]))) for ref, sign in own)


def charges(graph: Graph) -> tuple[tuple[Ref, float], ...]:
    """What costs add to what is minimized: numbers, each with its sign. Raises SpaceError (S0630) as `without` does."""
    found = (addend for output in charged(graph) for addend in _addends(graph, output, output.value, 1.0))
    return tuple((ref, sign) for ref, sign in found if graph[ref.node].phase != "run")


def without_slope(graph: Graph) -> str:
    """The first operator on a cost in what is minimized that gradients do not pass; "" if they pass all."""
    for ref, _ in charges(graph):
        for key in sorted(graph.ancestors([ref.node])):
            node = graph[key]
            over = any(isinstance(graph[k], Cost) for k in graph.ancestors([key])) and not isinstance(node, Cost)
            if over and not (isinstance(node, Operator) and node.operator in SMOOTH):
                return str(getattr(node, "operator", "if"))
    return ""


def without(graph: Graph) -> Graph:
    """The graph without what costs add. Raises SpaceError (S0630) where they do more than add."""
    outputs = set(charged(graph))
    if not outputs:
        return graph
    nodes, fresh = dict(graph.items()), max(k for k, _ in graph.items()) + 1
    for key, node in graph.items():
        if not (isinstance(node, Output) and node in outputs):
            continue
        kept = [(r, s) for r, s in _addends(graph, node, node.value, 1.0) if graph[r.node].phase == "run"]
        value, sign = kept[0]
        for other, its in kept[1:]:
            operator = "+" if its == sign else "-"
            made = Operator(
                index=node.index,
                shape=graph[value.node].shape,
                span=node.span,
                operator=operator,
                operands=(value, other),
            )
            nodes[fresh], value, fresh = made, Ref(fresh, value.rows), fresh + 1
        if sign < 0:
            made = Operator(
                index=node.index, shape=graph[value.node].shape, span=node.span, operator="negate", operands=(value,)
            )
            nodes[fresh], value, fresh = made, Ref(fresh, value.rows), fresh + 1
        nodes[key] = replace(node, value=value)
    return graph.with_nodes(nodes)


def _has_cost(graph: Graph, output: Output) -> bool:
    return output.role == "objective" and any(isinstance(graph[k], Cost) for k in graph.ancestors([output.value.node]))


def _addends(graph: Graph, output: Output, ref: Ref, sign: float) -> Iterator[tuple[Ref, float]]:
    """What is added up to an objective, each with its sign: those with costs read decisions and numbers alone."""
    node = graph[ref.node]
    costs = [n for k in sorted(graph.ancestors([ref.node])) if isinstance(n := graph[k], Cost)]
    if not costs or node.phase != "run":
        yield ref, sign
        return
    if not (isinstance(node, Operator) and node.operator in ("+", "-", "negate")):
        raise not_yet(costs[0].span, "a cost that does more than add to what is minimized",
                      "add it: minimize logloss + 0.1 * relu(parameters(e) / 30% - 1)")  # fmt: skip
    for k, operand in enumerate(node.operands):
        its = -sign if node.operator == "negate" or (node.operator == "-" and k == 1) else sign
        yield from _addends(graph, output, Ref(operand.node, operand.rows.take(ref.rows)), its)

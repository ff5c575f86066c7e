"""Costs that are objectives of their own: `minimize logloss, flops`. Exact for every architecture; latency is measured."""

from __future__ import annotations

from collections.abc import Sequence

from recspace.compiler.budgets import CostEvaluator, Purse
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Graph, Output
from recspace.compiler.lower import is_cost


def cost_terms(graph: Graph) -> tuple[Output, ...]:
    """The objectives that are costs."""
    return tuple(n for key in graph.outputs if isinstance(n := graph[key], Output) and is_cost(graph, n))


def objectives(graph: Graph, purse: Purse | None) -> int:
    """How many things are judged: the metric, and every cost of its own where something can count it."""
    return 1 + (len(cost_terms(graph)) if purse is not None else 0)


def costs(purse: Purse, terms: Sequence[Output], architecture: Architecture) -> dict[str, float]:
    """What an architecture costs, by the text of the objective."""
    evaluator = CostEvaluator(purse.graph, purse.schema, purse.promises, architecture, purse.clock)
    return {n.text: float(evaluator.row(n.value.node, int(n.value.rows.array[0]))) for n in terms}

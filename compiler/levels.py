"""What belongs to the upper level of a bilevel search: all that serves nothing but the logits of decisions."""

from __future__ import annotations

from dataclasses import replace

from .ir import DecisionNode, Graph, Node, Operator, operands


def upper_level(graph: Graph) -> frozenset[int]:
    """Nodes that no output reads but through a `given`."""
    every = frozenset(d.name for d in graph.decisions)
    return _through(graph, every)


def weighing_losses(graph: Graph) -> frozenset[int]:
    """Nodes that serve nothing but the logits of decisions in the objective, and those decisions.

    What they weigh losses by is a number to the weights below: no gradient goes through them into the prediction.
    """
    controlled = frozenset(d.name for d in graph.decisions if d.given == "objective")
    deciding = {
        k for k, n in graph.items() if isinstance(n, DecisionNode) and n.given is not None and n.name in controlled
    }
    return _through(graph, controlled) | deciding


def _through(graph: Graph, names: frozenset[str]) -> frozenset[int]:
    """Nodes that no output reads but through the `given` of one of these decisions."""
    others: set[int] = set()
    todo = list(graph.outputs)
    while todo:
        key = todo.pop()
        if key not in others:
            others.add(key)
            todo += [ref.node for ref in operands(_without_logits(graph, graph[key], names))]
    return frozenset(key for key, _ in graph.items() if key not in others)


def _without_logits(graph: Graph, node: Node, names: frozenset[str]) -> Node:
    match node:
        case DecisionNode() if node.name in names:
            return replace(node, given=None)
        case Operator(operator="lookup", operands=(family, at, _)) if getattr(graph[family.node], "name", "") in names:
            return replace(node, operands=(family, at))
        case _:
            return node

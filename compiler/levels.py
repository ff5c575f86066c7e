"""What belongs to the upper level of a bilevel search: all that serves nothing but the logits of decisions."""

from __future__ import annotations

from dataclasses import replace

from .ir import DecisionNode, Graph, operands


def upper_level(graph: Graph) -> frozenset[int]:
    """Nodes that no output reads but through a `given`."""
    lower: set[int] = set()
    todo = list(graph.outputs)
    while todo:
        key = todo.pop()
        if key not in lower:
            lower.add(key)
            node = graph[key]
            plain = replace(node, given=None) if isinstance(node, DecisionNode) else node
            todo += [ref.node for ref in operands(plain)]
    return frozenset(key for key, _ in graph.items() if key not in lower)

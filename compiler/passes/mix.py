"""Sums over a family that decisions weigh become one product with the matrix of their weights.

    mean(t[j] for j in fields if a[i, j])            →   mean of t by the weights a [F, F]:   a t / Σ a
    sum(keep[i, j] * p[i, j] for i < j in fields)    →   sum of p by the weights keep

Element by element, every t[j] is copied and multiplied for each i. The weights have to be the same for all examples; what
they weigh is different for each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir import Block, DecisionNode, Graph, Operator, Reduce, Ref

DENSE = 2.0
"""Entries of the matrix for each element that is added up, at most: the others are zeros."""


def mix(graph: Graph) -> Graph:
    """Every sum and mean that has such weights, and every sum over products with a gate."""
    return graph.with_nodes({key: _mixed(graph, n) if isinstance(n, Reduce) else n for key, n in graph.items()})


def _mixed(graph: Graph, node: Reduce) -> Reduce:
    if node.operator not in ("sum", "mean") or node.segments is not None or node.over or node.index.symbolic:
        return node
    if len(node.blocks) != 1:
        return node
    (block,) = node.blocks
    weights, inner = (node.weights, block.ref) if node.weights is not None else _weighed(graph, node, block)
    if weights is None or not _same_for_all(graph, weights):
        return node
    source = graph[inner.node]
    plain = source.shape.kind in ("number", "vector") and not source.shape.searched and not source.index.symbolic
    if not plain or source.phase != "run" or source.shape != node.shape:
        return node
    if len(node.index) * len(np.unique(inner.rows.array)) > DENSE * len(inner.rows):
        return node
    return replace(node, blocks=(replace(block, ref=inner),), weights=weights, mixed=True)


def _weighed(graph: Graph, node: Reduce, block: Block) -> tuple[Ref | None, Ref]:
    """The gates and what they multiply, of a sum of such products."""
    product = graph[block.ref.node]
    if node.operator != "sum" or not (isinstance(product, Operator) and product.operator == "*"):
        return None, block.ref
    for gate, other in (product.operands, product.operands[::-1]):
        if _same_for_all(graph, gate) and graph[other.node].shape == product.shape:
            rows = block.ref.rows
            return Ref(gate.node, gate.rows.take(rows)), Ref(other.node, other.rows.take(rows))
    return None, block.ref


def _same_for_all(graph: Graph, ref: Ref) -> bool:
    """Whether these are gates that do not depend on an example."""
    node = graph[ref.node]
    return (
        isinstance(node, DecisionNode)
        and node.given is None
        and node.shape.kind == "number"
        and not node.index.symbolic
        and graph.decision(node.name).domains[0].kind == "gate"
    )

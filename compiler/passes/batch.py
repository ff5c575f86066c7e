"""Inner products of pairs of one family become entries of its Gram matrix.

    dot(e[i], e[j]) for i < j in fields   →   gram(e[i], e[j]): read off e eᵀ

Row by row, F(F − 1)/2 products read and write F − 1 copies of every vector; the matrix product reads each once. It has
F² entries, so this is for pairs that are many beside their members: most of those there are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir import Graph, Operator

SHARE = 0.25
"""Of all entries of the matrix, those that are read at least. Fewer are as quick one by one (measured)."""
FEWEST = 3
"""Members below which there is nothing to save."""


def batch(graph: Graph) -> Graph:
    """Every family of inner products that is dense enough."""
    return graph.with_nodes({key: _gram(graph, n) if isinstance(n, Operator) else n for key, n in graph.items()})


def _gram(graph: Graph, node: Operator) -> Operator:
    if node.operator != "dot" or node.index.symbolic:
        return node
    left, right = node.operands
    source = graph[left.node]
    if left.node != right.node or source.shape.kind != "vector" or source.shape.searched or source.phase != "run":
        return node
    members = len(np.union1d(left.rows.array, right.rows.array))
    pairs = len({*zip(left.rows.array.tolist(), right.rows.array.tolist(), strict=True)})
    dense = members >= FEWEST and pairs >= SHARE * members**2
    return replace(node, operator="gram") if dense else node

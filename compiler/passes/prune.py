"""Drop what no output needs; families shrink to the rows that are read.

a = embed(user); b = mlp(a); return a   →   a = embed(user); return a
e[f in 10 fields], read at 3 rows       →   e[f in 3 fields]
"""

from __future__ import annotations

import numpy as np

from ..ir import Graph, Node, Ref, Rows, operands
from ..rewrite import rewire, taken


def prune(graph: Graph) -> Graph:
    """Keep what outputs read, row by row, from the outputs backwards."""
    wanted: dict[int, np.ndarray] = {}
    kept: dict[int, Node] = {}
    moved: dict[int, np.ndarray] = {}
    order = [k for k, _ in graph.items()]
    nodes = {k: graph[k] for k in order}
    for key in reversed(order):
        node = nodes[key]
        if key in graph.outputs:
            kept[key] = node
        elif key not in wanted:
            continue
        else:
            used = np.flatnonzero(wanted[key])
            if len(used) < len(node.index):
                node = taken(node, Rows(used))
                moved[key] = np.cumsum(wanted[key]) - 1
            kept[key] = node
        for ref in operands(node):
            mask = wanted.setdefault(ref.node, np.zeros(len(nodes[ref.node].index), dtype=bool))
            mask[ref.rows.array] = True

    def to(ref: Ref) -> Ref:
        return Ref(ref.node, Rows(moved[ref.node][ref.rows.array])) if ref.node in moved else ref

    return graph.with_nodes({k: rewire(kept[k], to) for k in order if k in kept})

"""What is recomputed along an axis that it does not depend on is computed once, then gathered.

p[i < j in fields] = relu(e[i])   →   r[i in fields] = relu(e[i]); p[i < j] = r[i]
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..ir import Constant, Graph, Input, IntArray, Learned, Node, Operator, Ref, Rows, Select
from ..rewrite import rewire, taken


def hoist(graph: Graph) -> Graph:
    """Rows of a node that read the same are kept once."""
    nodes: dict[int, Node] = {}
    moved: dict[int, IntArray] = {}

    def to(ref: Ref) -> Ref:
        return Ref(ref.node, Rows(moved[ref.node][ref.rows.array])) if ref.node in moved else ref

    for key, node in graph.items():
        new = rewire(node, to)
        facts = _facts(new)
        if facts is not None and len(new.index) > 1:
            first, inverse = _unique(facts, len(new.index))
            if len(first) < len(new.index):
                new = taken(new, Rows(first))
                moved[key] = inverse
        nodes[key] = new
    return graph.with_nodes(nodes)


def _facts(node: Node) -> list[IntArray] | None:
    """Columns of numbers, equal in two rows if these compute the same; None where rows are never merged."""
    match node:
        case Operator():
            columns = [o.rows.array for o in node.operands]
            columns += [o.rows.array for o in node.options.values() if isinstance(o, Ref)]
            columns += [_codes([v.tobytes() for v in o]) for o in node.options.values() if isinstance(o, np.ndarray)]
            columns += [_codes(node.keys)] if node.keys else []
            columns += [_codes(node.columns)] if node.columns else []
            return columns if columns or not node.index.axes else [np.zeros(len(node.index), dtype=np.int64)]
        case Select():
            return [node.subject.rows.array, *(a.rows.array for a in node.alternatives)]
        case Input():
            return [_codes(node.columns)]
        case Constant(values=values):
            return [_codes([v.tobytes() for v in values])]
        case Learned():
            return None
        case _:
            return None


def _codes(items: object) -> IntArray:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(i, len(known)) for i in items], dtype=np.int64)  # type: ignore[attr-defined]


def _unique(facts: list[IntArray], n: int) -> tuple[IntArray, IntArray]:
    """The first row of every kind, in order; and for every row the kind it is of."""
    if not facts:
        return np.zeros(1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    _, first, inverse = np.unique(np.stack(facts, axis=1), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]

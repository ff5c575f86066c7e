"""What gates that a plain model keeps as weights decide besides: they are open.

all(keep[f, :])   →   true        keep[f] and keep[g]   →   true        not keep[f]   →   false

The weight of a gate says how much what it multiplies counts, and not which branch is taken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluate import Evaluator
from ..ir import Constant, DecisionNode, Graph, Merge, Operator, Ref, Rows, Select
from ..search_phase import CONDITIONS

WHETHER = frozenset({*CONDITIONS, "over_all", "over_any"}) - {"is"}


def settle(graph: Graph, weighted: frozenset[str]) -> Graph:
    """The graph of a plain model, its conditions on the gates `weighted` as they come to where all of these are open."""
    opened = {d.name: (1,) * d.elements for d in graph.decisions if d.name in weighted}
    evaluator = Evaluator(graph, opened, strict=False)
    nodes = dict(graph.items())
    for key, node in graph.items():
        if isinstance(node, Operator) and node.operator in WHETHER and _known(graph, key, weighted):
            values = np.array([float(evaluator.row(key, row)) for row in range(len(node.index))])
            nodes[key] = Constant(index=node.index, phase="compile", place=node.place, span=node.span, values=values)
        elif isinstance(node, Select) and isinstance(subject := nodes[node.subject.node], Constant):
            nodes[key] = _taken(node, subject.values[node.subject.rows.array])
    return graph.with_nodes(nodes)


def _taken(node: Select, subject: NDArray[np.float64]) -> Merge:
    """The alternatives that are settled, each for its rows."""
    position = {float(label): k for k, label in enumerate(node.labels) if not isinstance(label, str)}
    which = np.array([position[value] for value in subject.tolist()], dtype=np.int64)
    used, source_of = np.unique(which, return_inverse=True)
    sources = tuple(
        Ref(a.node, a.rows.take(Rows(np.flatnonzero(which == k))))
        for k in used.tolist()
        for a in [node.alternatives[k]]
    )
    return Merge(index=node.index, shape=node.shape, phase=node.phase, place=node.place, span=node.span,
                 widths=node.widths, sources=sources, source_of=Rows(source_of))  # fmt: skip


def _known(graph: Graph, key: int, weighted: frozenset[str]) -> bool:
    """Whether a condition reads nothing but gates that are kept, none of them looked up by a value of an example."""
    above = [graph[k] for k in graph.ancestors([key])]
    gates = [node for node in above if isinstance(node, DecisionNode)]
    apart = all(node.phase != "run" and not node.index.values and not node.index.runs for node in above)
    return bool(gates) and apart and all(g.name in weighted and g.given is None for g in gates)

"""Drop objectives that a controller weighs: it serves training alone, and a derived model keeps none of it.

minimize choose loss { … } given controller(label, y)   →   nothing to minimize
"""

from __future__ import annotations

from ..ir import DecisionNode, Graph, Output


def vanish(graph: Graph) -> Graph:
    """The graph without objectives in which examples decide by their label."""
    controlled = frozenset(d.name for d in graph.decisions if d.given == "objective")
    if not controlled:
        return graph

    def serves(key: int) -> bool:
        node = graph[key]
        if not isinstance(node, Output) or node.role != "objective":
            return False
        above = (graph[k] for k in graph.ancestors([key]))
        return any(isinstance(n, DecisionNode) and n.given is not None and n.name in controlled for n in above)

    return graph.with_nodes({key: node for key, node in graph.items() if not serves(key)})

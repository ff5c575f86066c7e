"""Which members of subset decisions conditions ask for: the others are only counted."""

from __future__ import annotations

from collections.abc import Mapping

from ..evaluate import merged
from ..ir import Constant, DecisionNode, Graph, Merge, Node, Operator, Output

Element = tuple[str, int]


def asked_members(graph: Graph, nodes: Mapping[int, Node]) -> dict[Element, set[int]]:
    """Which members of every subset decision are asked for."""
    roots = [k for k, n in nodes.items() if isinstance(n, Output) and n.role == "constraint"]
    roots += [n.exists.node for _, n in nodes.items() if isinstance(n, DecisionNode) and n.exists is not None]
    found: dict[Element, set[int]] = {}
    for key in graph.ancestors(roots):
        node = nodes[key]
        if not (isinstance(node, Operator) and node.operator == "member"):
            continue
        for row in range(len(node.index)):
            ref, k = node.operands[0], row
            own, at = nodes[ref.node], int(ref.rows.array[k])
            while isinstance(own, Merge):
                inner, at = merged(own, at)
                own = nodes[inner]
            wanted, at_wanted = nodes[node.operands[1].node], int(node.operands[1].rows.array[row])
            if isinstance(own, DecisionNode) and isinstance(wanted, Constant):
                position = int(wanted.values[at_wanted])
                found.setdefault((own.name, int(own.elements.array[at])), set()).add(position)
    return found

"""What is decided for every value by an expression is computed at the values that an example has.

choose n[v in values(f)] given g(frequency(v)); x = n[value(f)]
    →   choose n[v in values(f)]; x = lookup(n, value(f), g(frequency(value(f))))

The axis of the values is spelled out nowhere: what is learned of g costs what the rows of a batch cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..ir import DecisionNode, Graph, Input, Node, Operator, Ref, Rows, operands
from ..unfinished import not_yet

OF_VALUES: Mapping[str, int] = {"frequency": 1, "current": 2}
"""What is known of a value: its training count, and what a stream has decided for it so far; and how many operands they have
once they are read at ids."""


def given(graph: Graph) -> Graph:
    """Logits of decisions for values become the third operand of their look-ups."""
    logits: dict[int, Ref] = {}
    nodes: dict[int, Node] = dict(graph.items())
    for key, node in graph.items():
        by_value = isinstance(node, DecisionNode) and node.index.values and graph.decision(node.name).given == "data"
        if isinstance(node, DecisionNode) and node.given is not None and by_value:
            logits[key] = node.given
            nodes[key] = replace(node, given=None)
    if not logits:
        return graph
    fresh = max(nodes) + 1
    for key in sorted(graph.ancestors(ref.node for ref in logits.values())):
        node = graph[key]
        own = replace(node.index, values=())
        nodes[key] = replace(node, index=own)
        if isinstance(node, Operator) and node.operator in OF_VALUES:
            nodes[fresh] = Input(index=own, span=node.span, columns=node.columns)
            nodes[key] = replace(node, index=own, operands=(*node.operands, Ref(fresh, Rows.all(len(own)))))
            fresh += 1
    for key, node in graph.items():
        if isinstance(node, Operator) and node.operator == "lookup":
            family, at = node.operands
            if family.node in logits:
                of = logits[family.node]
                nodes[key] = replace(node, operands=(family, at, Ref(of.node, of.rows.take(family.rows))))
        else:
            _check_reads(graph, node, logits)
    return graph.with_nodes(nodes)


def _check_reads(graph: Graph, node: Node, logits: dict[int, Ref]) -> None:
    """Raises SpaceError (S0630) where such a decision is read other than by a look-up of itself."""
    if any(ref.node in logits for ref in operands(node)):
        raise not_yet(node.span, "a vector, or an aggregate, of what an expression decides for every value,",
                      "look the decision itself up, and compute with what is found")  # fmt: skip

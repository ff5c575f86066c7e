"""Equal sub-expressions become one node.

    a = dot(e[i], e[j]); b = dot(e[i], e[j]); a + b   →   a = dot(e[i], e[j]); a + a

Weights belong to a place in the text, so two layers are equal only where they are the same layer.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from ..ir import (
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Select,
    SubsetSum,
)
from ..rewrite import rewire


def share(graph: Graph) -> Graph:
    """Hash-consing, from inputs to outputs."""
    nodes: dict[int, Node] = {}
    known: dict[Hashable, int] = {}
    instead: dict[int, int] = {}

    def to(ref: Ref) -> Ref:
        return Ref(instead.get(ref.node, ref.node), ref.rows)

    for key, node in graph.items():
        new = rewire(node, to)
        first = known.setdefault(identity(new, key), key)
        if first == key:
            nodes[key] = new
        else:
            instead[key] = first
    return graph.with_nodes(nodes)


def identity(node: Node, key: int) -> Hashable:
    """What makes two nodes compute the same; outputs are never the same."""
    shape = (node.shape, node.widths, len(node.index))
    match node:
        case Input(columns=columns):
            return ("input", shape, columns)
        case Constant(values=values):
            return ("constant", shape, values.tobytes())
        case Learned(name=name):
            return ("learned", shape, name, node.index.keys)
        case DecisionNode(name=name):
            return ("decision", shape, name, node.elements, node.exists, node.given, node.prior)
        case Operator():
            options = tuple(sorted((k, _hashable(o)) for k, o in node.options.items()))
            return (
                "operator",
                node.operator,
                shape,
                node.operands,
                options,
                node.layer,
                node.part,
                node.keys,
                node.columns,
                node.chosen,
            )
        case Select():
            return ("select", shape, node.subject, node.labels, node.alternatives)
        case Reduce():
            blocks = tuple((b.ref, b.count, b.candidate, b.parts) for b in node.blocks)
            return ("reduce", node.operator, shape, blocks, node.segments, node.weights, node.over)
        case Merge():
            return ("merge", shape, node.sources, node.source_of)
        case SubsetSum():
            return ("subsets", shape, node.members, node.sizes, node.weights, node.groups, node.places)
        case Cost():
            return ("cost", node.measure, node.scope, node.relative)
        case Output():
            return ("output", key)


def _hashable(option: Any) -> Hashable:
    return option if isinstance(option, Ref) else repr(option)

"""Equal sub-expressions become one node.

    a = dot(e[i], e[j]); b = dot(e[i], e[j]); a + b   →   a = dot(e[i], e[j]); a + a

Weights belong to a place in the text, so two layers are equal only where they are the same layer. Families of products that overlap,
as what is left of a layer in every order of a derived FIVES, become one family of all their elements.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from ..ir import (
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Index,
    Input,
    IntArray,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Rows,
    Select,
    SubsetSum,
)
from ..rewrite import rewire

ROW_BY_ROW = frozenset({"*", "+", "-", "@", "dot"})
"""Operators whose rows are computed each from the same rows of the operands, and from nothing else."""
SAVED = 0.75
"""Elements that overlapping families may have together, as a share of all of theirs: beyond it reading them out of one costs more."""


def share(graph: Graph) -> Graph:
    """Hash-consing, from inputs to outputs; then families that overlap."""
    return _overlapping(_consed(graph))


def _consed(graph: Graph) -> Graph:
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


def _overlapping(graph: Graph) -> Graph:
    groups: dict[Hashable, list[int]] = {}
    for key, node in graph.items():
        if isinstance(node, Operator) and node.operator in ROW_BY_ROW and _free(node):
            alike = (
                node.operator,
                node.shape,
                node.widths,
                tuple(ref.node for ref in node.operands),
                repr(node.options),
            )
            groups.setdefault(alike, []).append(key)
    nodes, moved = dict(graph.items()), dict[int, tuple[int, IntArray]]()
    for keys in groups.values():
        own = {
            key: list(zip(*(ref.rows.array.tolist() for ref in _operator(nodes[key]).operands), strict=True))
            for key in keys
        }
        every = {row: k for k, row in enumerate(dict.fromkeys(row for rows in own.values() for row in rows))}
        if len(keys) < 2 or len(every) > SAVED * sum(map(len, own.values())):
            continue
        first = _operator(nodes[keys[0]])
        columns = [Rows(column) for column in zip(*every, strict=True)]
        whole = tuple(Ref(ref.node, rows) for ref, rows in zip(first.operands, columns, strict=True))
        index = Index(first.index.axes, tuple((k,) for k in range(len(every))))
        nodes[keys[0]] = replace(first, operands=whole, index=index)
        moved |= {key: (keys[0], np.array([every[row] for row in rows], dtype=np.int64)) for key, rows in own.items()}
        for key in keys[1:]:
            del nodes[key]

    def to(ref: Ref) -> Ref:
        if ref.node not in moved:
            return ref
        host, at = moved[ref.node]
        return Ref(host, Rows(at[ref.rows.array]))

    return graph.with_nodes({key: rewire(node, to) for key, node in nodes.items()}) if moved else graph


def _free(node: Operator) -> bool:
    """Whether a row of it is nothing but its operands' rows."""
    searched = any(isinstance(option, Ref) for option in node.options.values())
    return node.phase == "run" and not (
        node.layer or node.keys or node.columns or node.chosen or searched or node.index.symbolic
    )


def _operator(node: Node) -> Operator:
    assert isinstance(node, Operator)
    return node


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

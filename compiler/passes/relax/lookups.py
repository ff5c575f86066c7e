"""What is decided for every value of a field, read at the value that an example has."""

from __future__ import annotations

from dataclasses import replace

from ...ir import DecisionNode, Node, Operator, Reduce, Ref
from ...unfinished import not_yet
from .relaxing import Relaxing


def lookup(work: Relaxing, key: int, node: Operator) -> Ref:
    """`keep[value(f)]` reads the decision and the ids of f; the values themselves are spelled out nowhere."""
    family, at, *logits = node.operands
    source, reader = work.graph[family.node], work.graph[at.node]
    if not (source.index.values and (isinstance(source, DecisionNode) or _vector_of(work, source))):
        raise not_yet(node.span, "a value computed for every value of a field, read by value(f),",
                      "look the decision itself up, and compute with what is found")  # fmt: skip
    if not (isinstance(reader, Operator) and reader.operator == "value"):
        raise not_yet(node.span, "a look-up by anything but value(f)")
    if node.shape.kind == "sequence" and work.leaf(family) is not None:
        raise not_yet(node.span, "a number or a name for each value of a field that may have several")
    (ids,) = reader.operands
    found = [work.fixed(family, node.span), Ref(ids.node, ids.rows.take(at.rows))]
    found += [work.fixed(one, node.span) for one in logits]
    return work.add(replace(node, operands=tuple(found), phase="run"), key)


def pick(work: Relaxing, key: int, node: Operator) -> Ref:
    """What the block of a value picks, numbers that are decided being their expectations."""
    at, *alternatives = node.operands
    found = []
    for one in alternatives:
        value = work.number(one)
        found.append(value if isinstance(value, Ref) else work.fixed(one, node.span))
    return work.add(replace(node, operands=(work.fixed(at, node.span), *found), phase="run"), key)


def _vector_of(work: Relaxing, node: Node) -> bool:
    """`keep[f, value(f), :]`: whether a node is nothing but gates of a decision side by side."""
    if not (isinstance(node, Reduce) and node.operator == "vector" and len(node.blocks) == 1):
        return False
    gates = node.blocks[0].ref
    return isinstance(work.graph[gates.node], DecisionNode) and work.leaf(gates) is None

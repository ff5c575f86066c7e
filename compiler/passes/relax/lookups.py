"""Gates that are decided for every value of a field, read at the value that an example has."""

from __future__ import annotations

from dataclasses import replace

from ...ir import DecisionNode, Node, Operator, Ref, operands
from ...unfinished import not_yet
from .relaxing import Relaxing


def lookup(work: Relaxing, key: int, node: Operator) -> Ref:
    """`keep[value(f)]` reads the decision and the ids of f; the values themselves are spelled out nowhere."""
    family, at = node.operands
    source, reader = work.graph[family.node], work.graph[at.node]
    if not of_values(source):
        raise not_yet(node.span, "a value computed for every value of a field, read by value(f),",
                      "look the decision itself up, and compute with what is found")  # fmt: skip
    if not (isinstance(reader, Operator) and reader.operator == "value"):
        raise not_yet(node.span, "a look-up by anything but value(f)")
    (ids,) = reader.operands
    found = (work.fixed(family, node.span), Ref(ids.node, ids.rows.take(at.rows)))
    return work.add(replace(node, operands=found, phase="run"), key)


def of_values(node: Node) -> bool:
    """Whether a node is a decision that has an element for every value of a field."""
    return isinstance(node, DecisionNode) and bool(node.index.values)


def check_looked_up(work: Relaxing) -> None:
    """Nothing in the model reads such a decision as a whole."""
    for node in work.nodes.values():
        if isinstance(node, Operator) and node.operator == "lookup":
            continue
        for ref in operands(node):
            source = work.nodes[ref.node]
            if isinstance(source, DecisionNode) and of_values(source):
                raise not_yet(node.span, f"`{source.name}`, decided for every value, read other than by value(f),")

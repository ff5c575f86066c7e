"""What is decided for every value of a field, read at the value that an example has."""

from __future__ import annotations

from dataclasses import replace

from ...ir import DecisionNode, Operator, Ref
from ...unfinished import not_yet
from .relaxing import Relaxing


def lookup(work: Relaxing, key: int, node: Operator) -> Ref:
    """`keep[value(f)]` reads the decision and the ids of f; the values themselves are spelled out nowhere."""
    family, at = node.operands
    source, reader = work.graph[family.node], work.graph[at.node]
    if not (isinstance(source, DecisionNode) and source.index.values):
        raise not_yet(node.span, "a value computed for every value of a field, read by value(f),",
                      "look the decision itself up, and compute with what is found")  # fmt: skip
    if not (isinstance(reader, Operator) and reader.operator == "value"):
        raise not_yet(node.span, "a look-up by anything but value(f)")
    if node.shape.kind == "sequence" and work.decision(source).domains[0].kind != "gate":
        raise not_yet(node.span, "a number or a name for each value of a field that may have several")
    (ids,) = reader.operands
    found = (work.fixed(family, node.span), Ref(ids.node, ids.rows.take(at.rows)))
    return work.add(replace(node, operands=found, phase="run"), key)

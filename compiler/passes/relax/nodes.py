"""All nodes in order, each for fixed shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ...decisions import ANY_VALUE
from ...ir import (
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
    Rows,
    Select,
    SubsetSum,
    operands,
)
from ...promise import Promises
from ...unfinished import not_yet
from .branches import select
from .conditions import search
from .joining import merge, reduce
from .relaxing import Relaxing, Variants
from .widths import operator


def relax(graph: Graph, promises: Promises) -> Graph:
    """All nodes in order, each for fixed shapes."""
    work = Relaxing(graph, promises)
    read = _read(graph)
    for key, node in graph.items():
        apart = node.phase == "search" and isinstance(node, Operator | Select) and key not in read
        work.values[key] = Ref(key, Rows.all(len(node.index))) if apart else lowered(work, key, node)
    _check_all_there(work)
    return graph.with_nodes(work.nodes)


def _check_all_there(work: Relaxing) -> None:
    """Costs, and what widths are made of, are no part of the model, and cannot be read as values of it."""
    for node in work.nodes.values():
        for ref in operands(node):
            if ref.node in work.nodes:
                continue
            source = work.graph[ref.node]
            if isinstance(source, Cost):
                raise not_yet(source.span, f"`{source.measure}` inside the model")
            raise not_yet(source.span, "a number that decisions settle, read inside the model,")


def _read(graph: Graph) -> set[int]:
    """What the outputs read as values: all but what settles widths and options alone."""
    found: set[int] = set()
    todo = list(graph.outputs)
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            node = replace(graph[key], widths=())
            todo += [r.node for r in operands(replace(node, options={}) if isinstance(node, Operator) else node)]
    return found


def lowered(work: Relaxing, key: int, node: Node) -> Ref | Variants:
    """What one node becomes. What is of the search phase is no part of the model: whoever reads it knows what to do."""
    match node:
        case DecisionNode():
            return _decision(work, key, node)
        case Output(role="constraint"):
            return Ref(key, Rows.all(0))
        case Output():
            value = work.number(node.value)
            return work.add(
                replace(node, value=value if isinstance(value, Ref) else work.fixed(node.value, node.span)), key
            )
        case Operator() if node.phase == "search":
            return search(work, key, node)
        case Operator():
            return operator(work, key, node)
        case Select():
            return select(work, key, node)
        case Reduce():
            return reduce(work, key, node)
        case Merge():
            return merge(work, key, node)
        case SubsetSum():
            raise AssertionError(node)  # `algebra` makes them, and comes later
        case Cost():
            return Ref(key, Rows.all(len(node.index)))
        case Input() | Constant() | Learned():
            return work.add(node, key)
        case _:
            assert_never(node)


def _decision(work: Relaxing, key: int, node: DecisionNode) -> Ref:
    decision = work.decision(node)
    kinds = {domain.kind for domain in decision.domains}
    if node.given is not None and decision.given == "data":
        raise not_yet(node.span, "a decision with logits from statistics")
    if "real" in kinds:
        raise not_yet(node.span, "a decision of the kind real")
    if "subset" in kinds and node.given is not None:
        raise not_yet(node.span, "a set that each example decides")
    if "subset" in kinds and any("*" in str(o) for domain in decision.domains for o in domain.options):
        raise not_yet(node.span, "a supernet of all sets of fields that could be chosen")
    if decision.per_value and node.given is not None:
        raise not_yet(node.span, "a decision indexed by values that has logits of its own")
    if decision.per_value and not kinds <= {"gate", "number", "name", "range"}:
        raise not_yet(
            node.span, f"a decision indexed by values that is a choice of the kind {decision.domains[0].kind}"
        )
    if decision.per_value and "gate" not in kinds and not work.options(node):
        raise not_yet(node.span, "a decision indexed by values from a range that is too long to be listed")
    if any(row.count(ANY_VALUE) > 1 for row in decision.rows):
        raise not_yet(node.span, "a decision indexed by the values of two fields")
    given = None if node.given is None else work.fixed(node.given, node.span)
    return work.add(replace(node, exists=None, given=given), key)

"""All nodes in order, each for fixed shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

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
    for key, node in graph.items():
        work.values[key] = lowered(work, key, node)
    return graph.with_nodes(work.nodes)


def lowered(work: Relaxing, key: int, node: Node) -> Ref | Variants:
    """What one node becomes. What is of the search phase is no part of the model: whoever reads it knows what to do."""
    match node:
        case DecisionNode():
            return _decision(work, key, node)
        case Output(role="constraint"):
            return Ref(key, Rows.all(0))
        case Output():
            return work.add(replace(node, value=work.fixed(node.value, node.span)), key)
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
        case Input() | Constant() | Learned() | Cost():
            if node.phase == "search":
                return Ref(key, Rows.all(len(node.index)))
            return work.add(node, key)
        case _:
            assert_never(node)


def _decision(work: Relaxing, key: int, node: DecisionNode) -> Ref:
    decision = work.decision(node)
    if node.prior is not None or decision.given not in ("", "example"):
        raise not_yet(node.span, "a decision with `prior`, or with logits from statistics or labels,")
    if decision.per_value or decision.domains[0].kind in ("real", "subset"):
        kind = "indexed by values" if decision.per_value else f"of the kind {decision.domains[0].kind}"
        raise not_yet(node.span, f"a decision {kind}")
    given = None if node.given is None else work.fixed(node.given, node.span)
    return work.add(replace(node, exists=None, given=given), key)

"""What decisions decide inside the model: conditions and arithmetic on gates and numbers become expectations."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from ...ir import Constant, DecisionNode, Operator, Reduce, Ref
from ...search_phase import FUNCTIONS, ON_NUMBERS
from ...unfinished import not_yet
from .relaxing import Relaxing

MOST = 4096
"""Options of several decisions that one operator reads together, at most."""


def search(work: Relaxing, key: int, node: Operator) -> Ref:
    """An operator of the search phase, on weights in place of what was decided."""
    if node.operator in ("l0", "rename"):
        gates_of = tuple(work.fixed(o, node.span) for o in node.operands)
        return work.add(replace(node, operands=gates_of, phase="run"), key)
    if node.operator == "member":
        return included(work, key, node)
    leaves = list(dict.fromkeys(o for o in node.operands if work.leaf(o) is not None))
    if leaves:
        return expectation(work, key, node, leaves)
    refs = tuple(work.fixed(o, node.span) for o in node.operands)
    plain = replace(node, operands=refs, phase="run")
    same = len(set(node.operands)) == 1 and isinstance(work.graph[node.operands[0].node], DecisionNode)
    if same and node.operator in ("*", "and", "or"):
        return refs[0]  # a gate and itself are one decision: g² = g
    match node.operator:
        case "and":
            return work.add(replace(plain, operator="*"), key)
        case "not":
            return work.add(replace(plain, operator="-", operands=(work.constant(node, 1.0), refs[0])), key)
        case "or":
            both = work.add(replace(plain, operator="*"))
            total = work.add(replace(plain, operator="+"))
            return work.add(replace(plain, operator="-", operands=(total, both)), key)
        case "+" | "-" | "*" | "/" | "^" | "negate":
            return work.add(plain, key)
        case "over_all" | "over_any" if _of_gates(work, node):
            return _together(work, key, node, refs[0])
        case function if function in FUNCTIONS and not isinstance(work.graph[node.operands[0].node], DecisionNode):
            return work.add(plain, key)  # what the decisions added up to is an expectation already
        case _:
            return gates(work, key, node, refs)


def _of_gates(work: Relaxing, node: Operator) -> bool:
    """Whether the elements that an aggregate runs over are gates that stand side by side."""
    (value,) = node.operands
    source = work.graph[value.node]
    return (
        isinstance(source, Reduce)
        and source.operator == "vector"
        and all(isinstance(work.graph[b.ref.node], DecisionNode) for b in source.blocks)
    )


def _together(work: Relaxing, key: int, node: Operator, gates: Ref) -> Ref:
    """How likely all of the gates are open, or any: they are independent."""
    product_ = replace(node, operator="over_product", phase="run")
    if node.operator == "over_all":
        return work.add(replace(product_, operands=(gates,)), key)
    vector = work.nodes[gates.node]
    ones = np.ones((len(node.index), *vector.shape.fixed))
    one = Constant(index=node.index, shape=vector.shape, phase="compile", span=node.span, values=ones)
    subtraction = replace(node, operator="-", shape=vector.shape, phase="run")
    shut = work.add(replace(subtraction, operands=(work.add(one), gates)))
    none = work.add(replace(product_, operands=(shut,)))
    return work.add(replace(node, operator="-", operands=(work.constant(node, 1.0), none), phase="run"), key)


def included(work: Relaxing, key: int, node: Operator) -> Ref:
    """Whether something is in a set that is decided: its inclusion weight."""
    chosen, at = node.operands
    positions = work.numbers(at).astype(np.int64)
    made = replace(node, operator="included", operands=(work.fixed(chosen, node.span),), phase="run",
                   options={"positions": positions})  # fmt: skip
    return work.add(made, key)


def gates(work: Relaxing, key: int, node: Operator, refs: tuple[Ref, ...]) -> Ref:
    """A condition between gates and constants: its expectation, the gates being independent."""
    kinds = [work.graph[o.node] for o in node.operands]
    if node.operator not in ON_NUMBERS or not all(isinstance(k, DecisionNode | Constant) for k in kinds):
        raise not_yet(node.span, f"`{node.operator}` on what decisions add up to")
    return expectation(
        work, key, node, [o for o, k in zip(node.operands, kinds, strict=True) if isinstance(k, DecisionNode)]
    )


def expectation(work: Relaxing, key: int, node: Operator, leaves: list[Ref]) -> Ref:
    """Σ over the options of the decisions that are read, of their weights times what the operator gives."""
    lists = []
    for leaf in leaves:
        source = work.graph[leaf.node]
        assert isinstance(source, DecisionNode)
        options = work.options(source)
        named = work.decision(source).domains[0].kind in ("name", "alternative")
        gate = work.decision(source).domains[0].kind == "gate"
        lists.append(
            [0.0, 1.0] if gate else [float(k) for k in range(len(options))] if named else [float(o) for o in options]
        )
    total = int(np.prod([len(one) for one in lists]))
    if total > MOST or node.operator not in ON_NUMBERS:
        raise not_yet(node.span, f"`{node.operator}` on these decisions")
    others = [work.graph[o.node] for o in node.operands if o not in leaves]
    if not all(isinstance(o, Constant) for o in others):
        raise not_yet(node.span, f"`{node.operator}` on a decision and what other decisions add up to")
    n = len(node.index)
    table = np.empty((n, total))
    for column, values in enumerate(product(*lists)):
        chosen = dict(zip(leaves, values, strict=True))
        arguments = [np.full(n, chosen[o]) if o in chosen else work.numbers(o) for o in node.operands]
        table[:, column] = np.frompyfunc(ON_NUMBERS[node.operator], len(arguments), 1)(*arguments).astype(np.float64)
    made = replace(node, operator="expect", operands=tuple(work.fixed(o, node.span) for o in leaves), phase="run",
                   options={"table": table, "sizes": tuple(len(one) for one in lists)})  # fmt: skip
    return work.add(made, key)

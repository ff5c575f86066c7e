"""What a node reads, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from .nodes import (
    Constant,
    Cost,
    DecisionNode,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Select,
    SubsetSum,
)
from .rows import Ref


def operands(node: Node) -> tuple[Ref, ...]:
    """Everything that a node reads, searched widths and options included."""
    widths = tuple(w for w in node.widths if w is not None)
    match node:
        case Input() | Constant() | Learned():
            return widths
        case DecisionNode():
            return (*widths, *(r for r in (node.exists, node.given, node.prior) if r))
        case Operator():
            return (*node.operands, *(o for o in node.options.values() if isinstance(o, Ref)), *widths)
        case Select():
            return (node.subject, *node.alternatives, *widths)
        case Reduce():
            return (*(b.ref for b in node.blocks), *((node.weights,) if node.weights else ()), *widths)
        case Merge():
            return (*node.sources, *widths)
        case SubsetSum():
            return (node.members, *((node.weights,) if node.weights else ()), *widths)
        case Output():
            return (node.value, *widths)
        case Cost():
            return (*node.scope, *widths)
        case _:
            assert_never(node)


def with_operands(node: Node, new: Mapping[Ref, Ref]) -> Node:
    """The node with every operand replaced that `new` has something for."""

    def to(ref: Ref) -> Ref:
        return new.get(ref, ref)

    widths = tuple(w and to(w) for w in node.widths)
    match node:
        case Input() | Constant() | Learned():
            return replace(node, widths=widths)
        case DecisionNode():
            exists, given, prior = (r and to(r) for r in (node.exists, node.given, node.prior))
            return replace(node, exists=exists, given=given, prior=prior, widths=widths)
        case Operator():
            options = {k: to(o) if isinstance(o, Ref) else o for k, o in node.options.items()}
            return replace(node, operands=tuple(map(to, node.operands)), options=options, widths=widths)
        case Select():
            return replace(
                node, subject=to(node.subject), alternatives=tuple(map(to, node.alternatives)), widths=widths
            )
        case Reduce():
            blocks = tuple(replace(b, ref=to(b.ref)) for b in node.blocks)
            return replace(node, blocks=blocks, weights=node.weights and to(node.weights), widths=widths)
        case Merge():
            return replace(node, sources=tuple(map(to, node.sources)), widths=widths)
        case SubsetSum():
            return replace(node, members=to(node.members), weights=node.weights and to(node.weights), widths=widths)
        case Output():
            return replace(node, value=to(node.value), widths=widths)
        case Cost():
            return replace(node, scope=tuple(map(to, node.scope)), widths=widths)
        case _:
            assert_never(node)

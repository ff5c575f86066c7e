"""Rewriting nodes: other operands, fewer rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb
from typing import Any, assert_never

import numpy as np

from .ir import (
    Block,
    Constant,
    Cost,
    DecisionNode,
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
    operands,
    with_operands,
)  # fmt: skip


def rewire(node: Node, to: Callable[[Ref], Ref]) -> Node:
    """The node with every operand put through `to`."""
    new = {ref: to(ref) for ref in operands(node)}
    return with_operands(node, new) if any(a != b for a, b in new.items()) else node


def _spread(rows: IntArray, count: int) -> IntArray:
    """Positions of the elements of some rows, `count` to a row."""
    return (rows[:, None] * count + np.arange(count)[None, :]).reshape(-1)


def _option(option: Any, rows: Rows) -> Any:
    """What an option is for these rows: one that is an array has an entry for each."""
    match option:
        case Ref(source, own):
            return Ref(source, own.take(rows))
        case np.ndarray():
            return option[rows.array]
    return option


def taken(node: Node, rows: Rows) -> Node:
    """The node with these of its rows alone, in this order."""

    def of(ref: Ref) -> Ref:
        return Ref(ref.node, ref.rows.take(rows))

    index = node.index.take(rows)
    widths = tuple(w and of(w) for w in node.widths)
    array = rows.array
    match node:
        case Input(columns=columns):
            return replace(node, index=index, widths=widths, columns=tuple(columns[r] for r in array))
        case Constant(values=values):
            return replace(node, index=index, values=values[array])
        case Learned():
            return replace(node, index=index)
        case DecisionNode():
            exists, given, prior = (r and of(r) for r in (node.exists, node.given, node.prior))
            return replace(
                node, index=index, elements=node.elements.take(rows), exists=exists, given=given, prior=prior
            )
        case Operator():
            options = {k: _option(o, rows) for k, o in node.options.items()}
            return replace(
                node, index=index, widths=widths, operands=tuple(map(of, node.operands)), options=options,
                keys=tuple(node.keys[r] for r in array) if node.keys else (),
                columns=tuple(node.columns[r] for r in array) if node.columns else (),
                chosen=tuple((name, elements.take(rows), option) for name, elements, option in node.chosen),
            )  # fmt: skip
        case Select():
            return replace(
                node,
                index=index,
                widths=widths,
                subject=of(node.subject),
                alternatives=tuple(map(of, node.alternatives)),
            )
        case Merge():
            return _taken_merge(node, rows, index, widths)
        case Reduce():
            return _taken_reduce(node, rows, index, widths)
        case SubsetSum():
            return _taken_sums(node, rows)
        case Output():
            return replace(node, index=index, value=of(node.value))
        case Cost():
            return replace(node, index=index)
        case _:
            assert_never(node)


def _taken_merge(node: Merge, rows: Rows, index: object, widths: tuple[Ref | None, ...]) -> Merge:
    source_of = node.source_of.array
    within = np.empty(len(source_of), dtype=np.int64)
    for k in range(len(node.sources)):
        mine = source_of == k
        within[mine] = np.arange(int(mine.sum()))
    chosen = source_of[rows.array]
    used = [k for k in range(len(node.sources)) if bool((chosen == k).any())]
    sources = tuple(
        Ref(node.sources[k].node, node.sources[k].rows.take(Rows(within[rows.array[chosen == k]]))) for k in used
    )
    return replace(node, index=index, widths=widths, sources=sources, source_of=Rows(np.searchsorted(used, chosen)))  # type: ignore[arg-type]


def _taken_sums(node: SubsetSum, rows: Rows) -> SubsetSum:
    counts = [comb(len(node.members.rows), size) for size in node.sizes]
    starts = np.concatenate([[0], np.cumsum(counts)])
    sets = np.concatenate([np.zeros(0, np.int64), *(np.arange(starts[r], starts[r + 1]) for r in rows.array)])
    weights = node.weights and Ref(node.weights.node, node.weights.rows.take(Rows(sets)))
    sizes, groups = (tuple(of[r] for r in rows.array) if of else () for of in (node.sizes, node.groups))
    return replace(node, index=node.index.take(rows), sizes=sizes, weights=weights, groups=groups)


def _taken_reduce(node: Reduce, rows: Rows, index: object, widths: tuple[Ref | None, ...]) -> Reduce:
    if node.segments is not None:
        positions = np.concatenate([np.flatnonzero(node.segments.array == r) for r in rows.array])
        segments = np.concatenate([np.full(int((node.segments.array == r).sum()), k) for k, r in enumerate(rows.array)])
        blocks = tuple(replace(b, ref=Ref(b.ref.node, b.ref.rows.take(Rows(positions)))) for b in node.blocks)
        weights = node.weights and Ref(node.weights.node, node.weights.rows.take(Rows(positions)))
        return replace(node, index=index, widths=widths, blocks=blocks, segments=Rows(segments), weights=weights)  # type: ignore[arg-type]
    made: list[Block] = []
    for b in node.blocks:
        spread = _spread(rows.array, b.count)
        parts = tuple(b.parts[k] for k in spread) if b.parts else ()
        made.append(replace(b, ref=Ref(b.ref.node, b.ref.rows.take(Rows(spread))), parts=parts))
    weights = node.weights
    if weights is not None:
        weights = Ref(weights.node, weights.rows.take(Rows(_spread(rows.array, node.blocks[0].count))))
    return replace(node, index=index, widths=widths, blocks=tuple(made), weights=weights)  # type: ignore[arg-type]

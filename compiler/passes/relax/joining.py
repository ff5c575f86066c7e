"""Aggregates and families put together, over values that may be of searched width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...ir import Block, Constant, DecisionNode, Merge, Node, Operator, Reduce, Ref, Rows
from ...shapes import NUMBER, Shape, fixed
from ...unfinished import not_yet
from .relaxing import Relaxing, Variants, fixed_shape

TO_ONE_WIDTH = "put a linear layer on it first, or bring the parts to one width with align(x, n)"


def reduce(work: Relaxing, key: int, node: Reduce) -> Ref | Variants:
    """An aggregate; a concat lays values of searched width side by side."""
    if any(work.leaf(b.ref) is not None for b in node.blocks):
        raise not_yet(node.span, f"{node.operator}() of decisions inside the model")
    if not node.index.values and any(work.graph[b.ref.node].index.values for b in node.blocks):
        raise not_yet(node.span, f"{node.operator}() over the values of a field")
    values = [work.value(b.ref) for b in node.blocks]
    weights = work.fixed(node.weights, node.span) if node.weights else None
    if weights is not None and node.operator in ("max", "min"):
        raise not_yet(node.span, f"{node.operator}() over what a decision filters")
    if not any(isinstance(v, Variants) for v in values):
        blocks = tuple(replace(b, ref=v) for b, v in zip(node.blocks, values, strict=True) if isinstance(v, Ref))
        if any(b.ref.node in work.spread for b in blocks):
            work.spread.add(key)
        shape = (
            _concat_shape(work, node, blocks)
            if node.operator == "concat" and node.shape.searched
            else fixed_shape(node.shape)
        )
        return work.add(replace(node, blocks=blocks, weights=weights, phase="run", shape=shape, widths=()), key)
    if node.operator != "concat":
        raise not_yet(node.span, f"{node.operator}() of values whose widths are searched")
    return side_by_side(work, key, node, values)


def side_by_side(work: Relaxing, key: int, node: Reduce, values: list[Ref | Variants]) -> Ref:
    """Every candidate has a place of its own, scaled by its weight: what a linear layer on it makes of that is the
    mixture of what it makes of each."""
    blocks: list[Block] = []
    for block, value in zip(node.blocks, values, strict=True):
        if isinstance(value, Ref):
            blocks.append(replace(block, ref=value))
            continue
        for option, text, alternative in zip(value.options, value.texts, value.alternatives, strict=True):
            made = work.nodes[alternative.node]
            if isinstance(made, Constant) and not made.values.any():
                continue  # of zeros a linear layer makes nothing
            scaled = weighted(work, node, value.subject, option, alternative)
            blocks.append(replace(block, ref=scaled, candidate=text))
    work.spread.add(key)
    return work.add(
        replace(node, blocks=tuple(blocks), phase="run", shape=_concat_shape(work, node, blocks), widths=()), key
    )


def _concat_shape(work: Relaxing, node: Reduce, blocks: Sequence[Block]) -> Shape:
    shapes = [(work.nodes[b.ref.node].shape, b.count) for b in blocks]
    if shapes[0][0].kind == "matrix":
        return Shape("matrix", (sum(fixed(s.dims[0]) * c for s, c in shapes), shapes[0][0].dims[1]))
    return Shape("vector", (sum(fixed(s.last) * c for s, c in shapes),))


def weighted(work: Relaxing, node: Node, subject: Ref, option: int, value: Ref) -> Ref:
    """The elements of a block, each times the weight of one option of its decision."""
    source = work.nodes[value.node]
    index = source.index.take(value.rows)
    weight = work.add(
        Operator(
            index=index,
            phase="run",
            span=node.span,
            operator="option_weight",
            operands=(subject,),
            options={"option": option},
        )
    )
    return work.add(
        Operator(index=index, shape=source.shape, phase="run", span=node.span, operator="*", operands=(weight, value))
    )


def merge(work: Relaxing, key: int, node: Merge) -> Ref | Variants:
    """A family of several nodes; one that only settles widths stays out of the model."""
    if node.phase == "search" and node.shape == NUMBER and any(_is_width(work, s) for s in node.sources):
        return Ref(key, Rows.all(len(node.index)))
    if any(work.leaf(s) is not None for s in node.sources):
        raise not_yet(node.span, "a family of which decisions are a part")
    values = [work.value(s) for s in node.sources]
    variants = [v for v in values if isinstance(v, Variants)]
    if len(variants) == len(values) and len({(v.subject.node, v.options) for v in variants}) == 1:
        return _by_width(work, node, variants)
    sources = tuple(work.fixed(s, node.span) for s in node.sources)
    shape = fixed_shape(node.shape)
    if any(s.node in work.spread for s in sources):
        shape, *others = {work.nodes[s.node].shape for s in sources}
        if others:
            raise not_yet(node.span, "a family of concatenations whose widths are searched", TO_ONE_WIDTH)
        work.spread.add(key)
    return work.add(replace(node, sources=sources, shape=shape, widths=(), phase="run"), key)


def _by_width(work: Relaxing, node: Merge, variants: list[Variants]) -> Variants:
    """A family of several nodes of one searched width: for each candidate of it a family."""
    first = variants[0]
    rows = np.empty(len(node.index), dtype=np.int64)
    for k, one in enumerate(variants):
        rows[node.source_of.array == k] = one.subject.rows.array
    found = []
    for sources in zip(*(v.alternatives for v in variants), strict=True):
        shape = work.nodes[sources[0].node].shape
        found.append(work.add(replace(node, sources=sources, shape=shape, widths=(), phase="run")))
    return Variants(Ref(first.subject.node, Rows(rows)), first.options, first.texts, tuple(found), first.mixable)


def _is_width(work: Relaxing, ref: Ref) -> bool:
    """Whether something only settles widths: it is of the search phase, and nothing has come of it."""
    source = work.graph[ref.node]
    return source.phase == "search" and not isinstance(source, DecisionNode) and ref.node not in work.nodes

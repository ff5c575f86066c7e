"""Constants: what numbers alone decide is decided now.

x * 1 → x;   x + 0 → x;   2 * 3 → 6;   x * 0 → 0;   pool(x * 0) → 0;   sum(1, 2) → 3;   sum(x, 0, y) → sum(x, y)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..ir import Block, Constant, Graph, Merge, Node, Operator, Reduce, Ref, Rows
from ..rewrite import rewire
from ..search_phase import ON_NUMBERS

NEUTRAL: dict[str, tuple[float | None, float | None]] = {
    "+": (0.0, 0.0),
    "-": (None, 0.0),
    "*": (1.0, 1.0),
    "/": (None, 1.0),
    "^": (None, 1.0),
}


def fold(graph: Graph) -> Graph:
    """Arithmetic on constants, and with neutral elements."""
    nodes: dict[int, Node] = {}
    instead: dict[int, Ref] = {}

    def to(ref: Ref) -> Ref:
        found = instead.get(ref.node)
        return ref if found is None else Ref(found.node, found.rows.take(ref.rows))

    for key, node in graph.items():
        new = rewire(node, to)
        simpler = _folded(new, nodes.__getitem__)
        if isinstance(simpler, Ref):
            instead[key] = simpler
        else:
            nodes[key] = simpler
    return graph.with_nodes(nodes)


def _folded(node: Node, at: Callable[[int], Node]) -> Node | Ref:
    match node:
        case Operator(operator="pool", operands=(ref,)) if not node.shape.searched:
            source = at(ref.node)  # of a sequence that a shut gate takes away nothing is left
            if isinstance(source, Operator) and any(
                _vanishes(source, _constant(at(o.node), o.rows)) for o in source.operands
            ):
                return _zeros(node)
            return node
        case Operator(operator=operator, operands=operands) if operator in ON_NUMBERS and operands:
            values = [_constant(at(o.node), o.rows) for o in operands]
            if all(v is not None for v in values) and not node.widths:
                function = np.frompyfunc(ON_NUMBERS[operator], len(values), 1)
                made = np.asarray(function(*_aligned(values)), dtype=np.float64)  # type: ignore[arg-type]
                shaped = np.broadcast_to(made, (len(node.index), *node.shape.fixed))
                return Constant(
                    index=node.index,
                    shape=node.shape,
                    phase="compile",
                    place=node.place,
                    span=node.span,
                    values=shaped.copy(),
                )
            return _neutral(node, values, at)
        case Reduce(operator="sum", blocks=(block,), segments=None, weights=None):
            values_ = _constant(at(block.ref.node), block.ref.rows)
            if values_ is not None and not node.widths and not at(block.ref.node).index.symbolic:
                summed = values_.reshape(len(node.index), block.count, *values_.shape[1:]).sum(1)
                return Constant(
                    index=node.index, shape=node.shape, phase="compile", place=node.place, span=node.span, values=summed
                )
            return _without_zeros(node, block, at)
        case Reduce(operator="sum", blocks=(block,), weights=None):
            return _without_zeros(node, block, at)
        case _:
            return node


def _without_zeros(node: Reduce, block: Block, at: Callable[[int], Node]) -> Node:
    """A sum without the elements that are 0: gates that are off, of sets some of which stay."""
    merged = at(block.ref.node)
    if not isinstance(merged, Merge) or node.widths or node.over or block.candidate:
        return node
    source_N = merged.source_of.array
    within_N = np.zeros(len(source_N), dtype=np.int64)
    for k in range(len(merged.sources)):
        within_N[source_N == k] = np.arange(int((source_N == k).sum()))
    values = [_constant(at(ref.node), ref.rows) for ref in merged.sources]
    zero_N = np.zeros(len(source_N), dtype=bool)
    for k, value in enumerate(values):
        if value is not None:
            own = source_N == k
            zero_N[own] = (value == 0).reshape(len(value), -1).all(1)[within_N[own]]
    rows = block.ref.rows.array
    left = ~zero_N[rows]
    if left.all() or not left.any():
        return node
    row_E = np.repeat(np.arange(len(node.index)), block.count) if node.segments is None else node.segments.array
    rows, row_E = rows[left], row_E[left]
    only = set(source_N[rows].tolist())
    ref = Ref(block.ref.node, Rows(rows))
    if len(only) == 1:
        source = merged.sources[only.pop()]
        ref = Ref(source.node, source.rows.take(Rows(within_N[rows])))
    counts = np.bincount(row_E, minlength=len(node.index))
    even = len(set(counts.tolist())) == 1
    count = int(counts[0]) if even else 0
    return replace(node, blocks=(Block(ref=ref, count=count),), segments=None if even else Rows(row_E))


def _aligned(values: list[np.ndarray]) -> list[np.ndarray]:
    """Numbers beside vectors: axes at the end."""
    rank = max(v.ndim for v in values)
    return [v.reshape(*v.shape, *(1,) * (rank - v.ndim)) for v in values]


def _neutral(node: Operator, values: list[np.ndarray | None], at: Callable[[int], Node]) -> Node | Ref:
    if len(node.operands) != 2:
        return node
    for mine, other, neutral in zip((0, 1), (1, 0), NEUTRAL.get(node.operator, (None, None)), strict=True):
        value = values[mine]
        if value is None:
            continue
        kept = node.operands[other]
        same = at(kept.node).shape == node.shape
        if neutral is not None and same and bool((value == neutral).all()):
            return kept
        if _vanishes(node, value) and node.shape.kind != "sequence":
            return _zeros(node)
    return node


def _vanishes(node: Operator, factor: np.ndarray | None) -> bool:
    """Whether a product is 0, given one of its factors."""
    return node.operator == "*" and factor is not None and not node.shape.searched and bool((factor == 0).all())


def _zeros(node: Node) -> Constant:
    values = np.zeros((len(node.index), *node.shape.fixed))
    return Constant(
        index=node.index, shape=node.shape, phase="compile", place=node.place, span=node.span, values=values
    )


def _constant(node: Node, rows: Rows) -> np.ndarray | None:
    return node.values[rows.array] if isinstance(node, Constant) else None

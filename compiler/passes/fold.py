"""Constants: what numbers alone decide is decided now.

x * 1 → x;   x + 0 → x;   2 * 3 → 6;   x * 0 → 0;   pool(x * 0) → 0;   sum(1, 2) → 3
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir import Constant, Graph, Node, Operator, Reduce, Ref, Rows
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
            return node
        case _:
            return node


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

"""Rows brought together: the elements of an aggregate in the rows that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl.source import Span

from . import conditions, split
from .atoms import describe, is_number
from .columns import ATOM, Column, Context, scatter
from .decisions import Key
from .ir import Block, IntArray, Reduce, Ref, Rows, Run
from .search_phase import BITS, TooLarge, divide, times
from .shapes import NUMBER, Dim, Shape, matrix, vector
from .split import groups
from .state import State

OF_NOTHING: dict[str, Any] = {"sum": 0, "mean": 0, "product": 1, "any": False, "all": True}


_PLAIN: dict[str, Any] = {"sum": sum, "max": max, "min": min, "any": any, "all": all,
                          "mean": lambda v: divide(sum(v), len(v))}  # fmt: skip


def reduce(
    state: State,
    name: str,
    inner: Context,
    outer: Context,
    value: Column,
    weights: Column | None,
    span: Span,
    place: str,
) -> Column:
    """Bring the rows of `inner` together in those of `outer`."""
    conditions.check_numbers(state, "a list holds" if name == "vector" else f"{name}() runs over", value, span)
    if name == "sum" and value.has_atoms and not value.constant:
        # Adding 0 adds nothing: what a shut gate took away takes no part.
        left = np.array([k for k in range(inner.n) if value.nodes[k] != ATOM or value.atoms[k] != 0], dtype=np.int64)
        inner, value = inner.restricted(left), value.take(left)
        weights = weights.take(left) if weights is not None else None
    segments = inner.rows_in(outer)
    counts = np.bincount(segments, minlength=outer.n)
    counted_later = name in ("sum", "product") and len(inner.index().runs) > len(outer.index().runs)
    if weights is None and value.constant and not _needs_node(name, value) and not counted_later:
        return _plain(state, name, _each_value(state, name, value, inner, outer), segments, outer, span)
    if weights is not None:
        value, weights, name = _weighted(state, name, inner, value, weights, span)
    value = split.settle(state.builder, state.builder.values(value, inner, span), inner, span)
    value = pool(state, value, inner, span)
    filled = np.flatnonzero(counts)
    pieces: list[tuple[IntArray, Column]] = []
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        pieces.append((empty, _nothing(state, name, len(empty), span)))
    if name in ("concat", "stack", "vector"):
        pieces += _joined(state, name, inner, outer, value, segments, counts, filled, span, place)
    elif len(filled):
        pieces.append(
            (filled, _folded(state, name, inner, outer, value, weights, segments, counts, filled, span, place))
        )
    return scatter(outer.n, pieces)


def _each_value(state: State, name: str, value: Column, inner: Context, outer: Context) -> Column:
    """What numbers over the values of a field, a row for all of them, come to as if there were a row for each."""
    fields = inner.index().values
    if (
        name not in ("sum", "product", "mean")
        or not fields
        or outer.index().values
        or not all(map(is_number, value.atoms))
    ):
        return value
    counts = [state.schema.field(f).cardinality for f in fields]
    if name == "product":
        return Column.of_atoms([a**n if a not in (0, 1) else a for a, n in zip(value.atoms, counts, strict=True)])
    if name == "sum":
        return Column.of_atoms([a * n for a, n in zip(value.atoms, counts, strict=True)])
    rows = inner.rows_in(outer)
    totals, lengths = np.bincount(rows, counts, outer.n), np.bincount(rows, minlength=outer.n)
    shares = [(n * int(lengths[r]), int(totals[r])) for n, r in zip(counts, rows, strict=True)]
    return Column.of_atoms([divide(a * n, total) for a, (n, total) in zip(value.atoms, shares, strict=True)])


def _needs_node(name: str, value: Column) -> bool:
    return name in ("concat", "stack") or any(isinstance(a, tuple) for a in value.atoms)


def _nothing(state: State, name: str, n: int, span: Span) -> Column:
    if name in OF_NOTHING:
        return Column.uniform(OF_NOTHING[name], n)
    if name in ("concat", "stack", "vector"):
        return Column.uniform((), n)
    raise state.builder.report("S0208", f"{name}() of nothing has no value", span, "runs over no element")


def _plain(state: State, name: str, value: Column, segments: IntArray, outer: Context, span: Span) -> Column:
    buckets: list[list[Any]] = [[] for _ in range(outer.n)]
    for row, atom in zip(segments.tolist(), value.atoms, strict=True):
        if not is_number(atom):
            raise state.builder.report(
                "S0302", f"{name}() adds up numbers, and this is {describe(atom)}", span, describe(atom)
            )
        buckets[row].append(atom)
    return Column.of_atoms([fold(state, name, b, span) for b in buckets])


def fold(state: State, name: str, atoms: Sequence[Any], span: Span) -> Any:
    """An aggregate of plain numbers."""
    if not atoms:
        return _nothing(state, name, 1, span).atoms[0]
    if name == "product":
        result: Any = 1
        for a in atoms:
            result = _times(state, result, a, span)
        return result
    return _PLAIN[name](atoms)


def _times(state: State, left: Any, right: Any, span: Span) -> Any:
    try:
        return times(left, right)
    except TooLarge:
        said = f"a whole number has {BITS:,} bits at most, and this product has more"
        raise state.builder.report("S0218", said, span, "too large", help="write real numbers: 2.0") from None


def _weighted(
    state: State, name: str, inner: Context, value: Column, weights: Column, span: Span
) -> tuple[Column, Column | None, str]:
    """Filters that decisions decide: sums and concatenations of w·x; the others keep the weights."""
    builder = state.builder
    if name in ("sum", "concat", "stack"):
        value = split.settle(builder, builder.values(value, inner, span), inner, span)
        value = pool(state, value, inner, span)
        return split.apply(builder, "*", [weights, value], inner, span), None, name
    if name == "any":
        return split.apply(builder, "and", [weights, value], inner, span), None, name
    if name == "all":
        return (
            split.apply(builder, "or", [split.apply(builder, "not", [weights], inner, span), value], inner, span),
            None,
            name,
        )
    return value, weights, name


def pool(state: State, value: Column, ctx: Context, span: Span) -> Column:
    """Rows that are sequences brought to vectors."""
    builder = state.builder
    for node in value.node_ids():
        if builder.nodes[node].shape.kind == "sequence":
            rows = np.flatnonzero(value.nodes == node)
            pooled = builder.pooled(Ref(node, Rows(value.rows[rows])), span)
            value = scatter(
                len(value), [(np.arange(len(value)), value), (rows, Column.of_node(pooled.node, len(rows)))]
            )
    return value


def _folded(
    state: State, name: str, inner: Context, outer: Context, value: Column, weights: Column | None, segments: IntArray,
    counts: IntArray, filled: IntArray, span: Span, place: str,
) -> Column:  # fmt: skip
    builder = state.builder
    ids = value.node_ids()
    if len(ids) != 1:
        shapes = " and ".join(sorted({str(builder.nodes[k].shape) for k in ids}))
        raise builder.report("S0304", f"{name}() adds up elements of one shape, and these have {shapes}", span, shapes,
                             help="bring them to one width where they are made: align(x, n)")  # fmt: skip
    shape = builder.shape(ids[0], value.rows)
    if name in ("any", "all") and shape.kind != "number" and shape.last != 1:
        raise builder.report("S0302", f"{name}() asks for conditions, and this is a {shape}", span, str(shape),
                             help="compare numbers: any(sum(e[f]) > 0 for f in fields)")  # fmt: skip
    if shape.searched and len(segments):
        first = builder.shape(ids[0], value.rows[:1])
        if any(builder.shape(ids[0], value.rows[k : k + 1]) != first for k in range(1, min(len(segments), 64))):
            raise builder.report("S0312", f"{name}() needs elements of one width, and their widths are searched apart", span, str(shape),
                                 help="bring them to one width where they are made: align(x, n)")  # fmt: skip
    node_shape = NUMBER if name in ("any", "all") else builder.nodes[ids[0]].shape
    even = len(set(counts[filled].tolist())) == 1
    refs = [Ref(ids[0], Rows(value.rows))]
    weight_ref = None
    if weights is not None:
        settled = split.settle(builder, builder.values(weights, inner, span), inner, span)
        weight_ref = Ref(settled.node_ids()[0], Rows(settled.rows))
        refs.append(weight_ref)
    block = Block(ref=refs[0], count=int(counts[filled[0]]) if even else 0, parts=_parts(inner, outer))
    compact = np.searchsorted(filled, segments)
    node = Reduce(
        index=outer.index().take(Rows(filled)), shape=node_shape, phase=builder.phase(refs), place=place, span=span,
        operator=name, blocks=(block,), segments=None if even else Rows(compact), weights=weight_ref,  # type: ignore[arg-type]
        over=_run_over(inner, outer),
    )  # fmt: skip
    if node_shape.searched:
        from dataclasses import replace

        widths = builder.nodes[ids[0]].widths
        starts = value.rows[np.unique(segments, return_index=True)[1]]
        node = replace(node, widths=tuple(w and Ref(w.node, Rows(w.rows.array[starts])) for w in widths))
    return Column.of_node(builder.add(node), len(filled))


def _run_over(inner: Context, outer: Context) -> tuple[Run, ...]:
    """The run-time binders that stand between two contexts."""
    around = outer.index().runs
    return tuple(run for run in inner.index().runs if run not in around)


def _parts(inner: Context, outer: Context) -> tuple[Key, ...]:
    """The path of every element within its row: the labels of the generator's own binders."""
    outer_keys, inner_keys = outer.keys(), inner.keys()
    return tuple(k[len(outer_keys[r]) :] for k, r in zip(inner_keys, inner.rows_in(outer).tolist(), strict=True))


def _joined(
    state: State, name: str, inner: Context, outer: Context, value: Column, segments: IntArray, counts: IntArray,
    filled: IntArray, span: Span, place: str,
) -> list[tuple[IntArray, Column]]:  # fmt: skip
    """Side by side: runs of elements that stand in one node become one block; rows that look alike one Reduce."""
    starts = np.searchsorted(segments, np.arange(outer.n))
    width = int(counts.max())
    table = np.full((width, outer.n), -2, dtype=np.int64)
    for k in range(width):
        has = counts > k
        table[k, has] = value.nodes[starts[has] + k]
    parts = _parts(inner, outer)
    pieces = []
    for rows in groups(list(table[:, filled]), len(filled)):
        at = filled[rows]
        pieces.append(
            (at, _side_by_side(state, name, value, starts[at], table[:, at[0]], parts, outer, at, span, place))
        )
    return pieces


def _side_by_side(
    state: State, name: str, value: Column, starts: IntArray, nodes: IntArray, parts: Sequence[Key], outer: Context,
    rows: IntArray, span: Span, place: str,
) -> Column:  # fmt: skip
    blocks: list[Block] = []
    count = int((nodes != -2).sum())
    k = 0
    while k < count:
        end = k
        while end < count and nodes[end] == nodes[k]:
            end += 1
        picked = value.rows[(starts[:, None] + np.arange(k, end)[None, :])].reshape(-1)
        own = tuple(parts[s + e] for s in starts for e in range(k, end))
        blocks.append(Block(ref=Ref(int(nodes[k]), Rows(picked)), count=end - k, parts=own))
        k = end
    shape = _joined_shape(state, name, blocks, len(rows), span)
    node = Reduce(
        index=outer.index().take(Rows(rows)), shape=shape, phase=state.builder.phase([b.ref for b in blocks]),
        place=place, span=span, operator=name, blocks=tuple(blocks),  # type: ignore[arg-type]
    )  # fmt: skip
    return Column.of_node(state.builder.finish(node), len(rows))


def _joined_shape(state: State, name: str, blocks: Sequence[Block], n: int, span: Span) -> Shape:
    shapes: list[Shape] = []
    for block in blocks:
        rows = block.ref.rows.array.reshape(n, block.count)
        uniform = not state.builder.nodes[block.ref.node].shape.searched
        if uniform:
            shapes += [state.builder.nodes[block.ref.node].shape] * block.count
        else:
            shapes += [state.builder.shape(block.ref.node, rows[:, k]) for k in range(block.count)]
    kinds = {s.kind for s in shapes}
    if name == "vector" and (odd := next((s for s in shapes if s.kind != "number" and s.last != 1), None)) is not None:
        raise state.builder.report("S0302", f"a list holds numbers, and this is a {odd}", span, str(odd),
                                   help="concat(…) puts vectors side by side")  # fmt: skip
    if kinds == {"matrix"}:
        return matrix(_total([s.dims[0] for s in shapes]), _equal(state, name, [s.dims[1] for s in shapes], span))
    if "matrix" in kinds:
        raise state.builder.report("S0304", f"{name}() of matrices and vectors together", span, "stack the vectors first",
                                   help="write stack([x]) to make a matrix of one row")  # fmt: skip
    if name == "stack" and kinds == {"vector"}:
        return matrix(len(shapes), _equal(state, name, [s.last for s in shapes], span))
    return vector(_total([s.last for s in shapes]))


def _total(dims: Sequence[Dim]) -> Dim:
    fixed = sum(d for d in dims if isinstance(d, int))
    total: Dim | None = None
    for d in dims:
        if not isinstance(d, int):
            total = d if total is None else total + d
    return fixed if total is None else (total + fixed if fixed else total)


def _equal(state: State, name: str, dims: Sequence[Dim], span: Span) -> Dim:
    if any(d != dims[0] for d in dims):
        raise state.builder.report("S0312", f"{name}() needs rows of one width", span, "these may differ",
                                   help="bring them to one width where they are made: align(x, n)")  # fmt: skip
    return dims[0]

"""A family of unequal shapes becomes one family for each shape, and a permutation that reads them in the old order.

    e[f in fields] = embed(f, dim[f])    with dim[age] = 2 and dim[f] = 8 elsewhere
        →   e8[f in fields - {age}] = embed(f, 8);  e2[f in {age}] = embed(f, 2);  e[f] = e8[…] or e2[…]

It works while a space is resolved, where shapes come into being. `apply` divides the rows of a context into those that
one node can compute; `settle` brings rows of one shape back into one node where a definition ends. The permutation is
the column's own: each row of a `Column` says which row of which node it is, and where nodes are brought together a
`Merge` holds the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recspace.dsl.source import Span

from .builder import Builder, Failed
from .columns import ATOM, Column, Context, ref, scatter
from .decisions import Key
from .ir import IntArray, Merge, Operator, Phase, Ref, Rows
from .promise import Mismatch
from .schema import Column as DataColumn
from .shapes import Searched


def groups(table: Sequence[IntArray], n: int) -> list[IntArray]:
    """Rows with equal entries in every column, in the order of their first row."""
    if n == 0:
        return []
    if not table:
        return [np.arange(n, dtype=np.int64)]
    stacked = np.stack(table, axis=1)
    if bool((stacked == stacked[0]).all()):
        return [np.arange(n, dtype=np.int64)]
    _, first, inverse = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    inverse = inverse.reshape(-1)
    return [np.flatnonzero(inverse == g) for g in order]


def apply(
    builder: Builder, operator: str, inputs: Sequence[Column], ctx: Context, span: Span, *,
    options: Mapping[str, Column] | None = None, layer: str = "", part: str = "", keys: Sequence[Key] = (),
    columns: Sequence[DataColumn] = (), place: str = "",
) -> Column:  # fmt: skip
    """Apply an operator in every row of a context; one node for each group of rows of equal shapes and options.

    `keys`: the subscript of every row; `columns`: what every row reads from the batch.
    """
    options = options or {}
    settled = [builder.values(c, ctx, span) for c in inputs]
    for name, option in options.items():
        if any(builder.nodes[k].phase == "run" for k in option.node_ids()):
            raise builder.report("S0310", f"`{name}` of {operator}() is known when compiling, or searched", span, "here each example decides it")  # fmt: skip
    codes: dict[str, int] = {}
    table = [c.nodes for c in settled]
    for option in options.values():
        if option.has_atoms:
            own = [codes.setdefault(repr(a), len(codes)) if m == ATOM else -2 - m
                   for a, m in zip(option.atoms, option.nodes, strict=True)]  # fmt: skip
            table.append(np.array(own, dtype=np.int64))
        else:
            table.append(-2 - option.nodes)
    pieces = []
    for rows in groups(table, ctx.n):
        sub = [c.take(rows) for c in settled]
        given = {name: _option(c.take(rows)) for name, c in options.items()}
        node = _operator(builder, operator, sub, given, ctx, rows, span, layer, part,
                         [keys[r] for r in rows] if keys else (), [columns[r] for r in rows] if columns else (),
                         place)  # fmt: skip
        pieces.append((rows, Column.of_node(node, len(rows))))
    return scatter(ctx.n, pieces)


def _option(column: Column) -> Any:
    return column.atoms[0] if column.nodes[0] == ATOM else ref(int(column.nodes[0]), column.rows)


def _operator(
    builder: Builder, operator: str, inputs: Sequence[Column], options: Mapping[str, Any], ctx: Context, rows: IntArray,
    span: Span, layer: str, part: str, keys: Sequence[Key], columns: Sequence[DataColumn], place: str,
) -> int:  # fmt: skip
    refs = [ref(int(c.nodes[0]), c.rows) for c in inputs]
    if operator in ("+", "-") and {"sequence", "number"} <= {builder.nodes[r.node].shape.kind for r in refs}:
        # Of an empty list the number must be left, in whatever order terms are added.
        refs = [builder.pooled(r, span) if builder.nodes[r.node].shape.kind == "sequence" else r for r in refs]
    shapes = [builder.shape(r.node, r.rows.array) for r in refs]
    seen = {k: builder.searched(o) if isinstance(o, Ref) else o for k, o in options.items()}
    try:
        shape = builder.promised(operator, tuple(shapes), seen)
    except Mismatch as mismatch:
        if not any(s.kind == "sequence" for s in shapes):
            raise _mismatch(builder, mismatch, span) from None
        refs = [builder.pooled(r, span) if s.kind == "sequence" else r for r, s in zip(refs, shapes, strict=True)]
        shapes = [builder.shape(r.node, r.rows.array) for r in refs]
        try:
            shape = builder.promised(operator, tuple(shapes), seen)
        except Mismatch as second:
            raise _mismatch(builder, second, span) from None
    searched_options = [o for o in options.values() if isinstance(o, Ref)]
    layered = bool(layer or columns)
    phase: Phase = "run" if layered else builder.phase([*refs, *searched_options])
    index = ctx.index().take(Rows(rows))
    return builder.finish(
        Operator(index=index, shape=shape, phase=phase, place=place or layer, span=span, operator=operator,
                 operands=tuple(refs), options=dict(options), layer=layer, part=part, keys=tuple(keys),
                 columns=tuple(columns)))  # fmt: skip


def _mismatch(builder: Builder, mismatch: Mismatch, span: Span) -> Failed:
    return builder.report(mismatch.code, mismatch.message, span, mismatch.label, help=mismatch.help)


def settle(builder: Builder, column: Column, ctx: Context, span: Span, place: str = "") -> Column:
    """Rows of one shape in one node: constants take the shape of the others, sequences beside vectors are pooled."""
    ids = column.node_ids()
    if not ids or (len(ids) == 1 and not column.has_atoms):
        return column
    shapes = {k: builder.nodes[k].shape for k in ids}
    kinds = {s.kind for s in shapes.values()}
    if "sequence" in kinds and len(kinds) > 1:
        for k in [k for k, s in shapes.items() if s.kind == "sequence"]:
            rows = np.flatnonzero(column.nodes == k)
            pool = builder.pooled(ref(k, column.rows[rows]), span)
            column = scatter(
                len(column), [(np.arange(len(column)), column), (rows, Column.of_node(pool.node, len(rows)))]
            )
        ids = column.node_ids()
        shapes = {k: builder.nodes[k].shape for k in ids}
    target = next(iter(shapes.values())) if len(set(shapes.values())) == 1 else None
    column = builder.values(column, ctx, span, target)
    by_shape: dict[Any, list[int]] = {}
    for k in column.node_ids():
        shape = builder.nodes[k].shape
        dims = tuple(d.candidates if isinstance(d, Searched) else d for d in shape.dims)
        by_shape.setdefault((shape.kind, dims), []).append(k)
    pieces = []
    for members in by_shape.values():
        rows = np.flatnonzero(np.isin(column.nodes, members))
        pieces.append((rows, _merge(builder, column.take(rows), members, ctx, rows, span, place)))
    return scatter(len(column), pieces)


def _merge(
    builder: Builder, column: Column, members: list[int], ctx: Context, rows: IntArray, span: Span, place: str
) -> Column:
    if len(members) == 1:
        return column
    source_of = np.searchsorted(members, column.nodes)
    sources = tuple(ref(m, column.rows[column.nodes == m]) for m in members)
    shape = builder.nodes[members[0]].shape
    widths: list[Ref | None] = []
    for d, dim in enumerate(shape.dims):
        widths.append(
            _merged_width(builder, sources, source_of, d, ctx, rows, span) if isinstance(dim, Searched) else None
        )
    node = Merge(index=ctx.index().take(Rows(rows)), shape=shape, phase=builder.phase(sources), place=place, span=span,
                 sources=sources, source_of=Rows(source_of), widths=tuple(widths) if shape.searched else ())  # fmt: skip
    return Column.of_node(builder.add(node), len(rows))


def _merged_width(
    builder: Builder, sources: Sequence[Ref], source_of: IntArray, dim: int, ctx: Context, rows: IntArray, span: Span
) -> Ref:
    refs = []
    for s in sources:
        width = builder.nodes[s.node].widths[dim]
        assert width is not None
        refs.append(Ref(width.node, width.rows.take(s.rows)))
    if len({r.node for r in refs}) == 1:
        joined = np.empty(len(source_of), dtype=np.int64)
        for k, r in enumerate(refs):
            joined[source_of == k] = r.rows.array
        return ref(refs[0].node, joined)
    merge = Merge(
        index=ctx.index().take(Rows(rows)),
        phase="search",
        span=span,
        sources=tuple(refs),
        source_of=Rows(source_of),
    )
    return Ref(builder.add(merge), Rows.all(len(source_of)))

"""sum mean max min product concat stack any all: over a generator, over a family, or over a value's elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import advice, emptied, split
from .atoms import describe, is_number, members
from .binders import extend
from .builder import Failed
from .columns import ATOM, Column, Context, Guard, scatter
from .decisions import Key
from .families import read, rows_at
from .ir import Block, IntArray, Reduce, Ref, Rows
from .scopes import Family
from .search_phase import divide
from .shapes import NUMBER, Dim, Shape, matrix, vector
from .split import groups
from .state import State

AGGREGATES = ("sum", "mean", "max", "min", "product", "concat", "stack", "any", "all")
OF_NOTHING: dict[str, Any] = {"sum": 0, "mean": 0, "product": 1, "any": False, "all": True}
_PLAIN: dict[str, Any] = {"sum": sum, "max": max, "min": min, "any": any, "all": all,
                          "mean": lambda v: divide(sum(v), len(v))}  # fmt: skip


def aggregate(state: State, name: str, call: ast.Call, ctx: Context, place: str) -> Column:
    """An aggregate call in every row of a context."""
    arguments = call.arguments
    if len(arguments) == 1 and isinstance(arguments[0], ast.Generator):
        generator = arguments[0]
        inner, weights = expand(state, generator.fors, ctx)
        value = state.column(generator.value, inner) if inner.n else Column.of_atoms(())
        try:
            found = reduce(state, name, inner, ctx, value, weights, call.span, place)
        except Failed:
            advice.explain(state, call.span, (generator.value,), inner)
            raise
        return emptied.shaped(state, name, generator, ctx, inner, found, _elements_of)
    if len(arguments) == 1 and isinstance(arguments[0], ast.ListOf) and name in ("concat", "stack"):
        arguments = arguments[0].items
        if not arguments:
            return Column.uniform((), ctx.n)
        return _several(state, name, [state.column(a, ctx) for a in arguments], ctx, call.span, place)
    values = []
    for argument in arguments:
        if isinstance(argument, ast.Keyword | ast.Schedule | ast.Generator):
            raise state.builder.report("S0308", f"{name}() takes a generator, a family, or values", argument.span)
        values.append(state.evaluate(argument, ctx))
    if len(values) == 1:
        only = values[0]
        if isinstance(only, Family):
            try:
                return _family(state, name, only, ctx, call.span, place)
            except Failed:
                advice.explain(state, call.span, [a for a in arguments if isinstance(a, ast.Name)], ctx)
                raise
        return _elements(state, name, only, ctx, call.span, place)
    columns = [_family(state, "concat", v, ctx, call.span, "") if isinstance(v, Family) else v for v in values]
    return _several(state, name, columns, ctx, call.span, place)


def _elements_of(state: State, generator: ast.Generator, ctx: Context) -> tuple[Context, Column]:
    """The elements that a generator runs over, brought to one shape, and the context that they are in."""
    inner, _ = expand(state, generator.fors, ctx)
    if not inner.n:
        return inner, Column.of_atoms(())
    span = generator.span
    value = state.builder.values(state.column(generator.value, inner), inner, span)
    return inner, _pool(state, split.settle(state.builder, value, inner, span), inner, span)


def expand(state: State, fors: Sequence[ast.For], ctx: Context) -> tuple[Context, Column | None]:
    """The rows that a generator runs over; and what each of them counts, where decisions or examples filter them."""
    inner, weights = ctx, None
    for one in fors:
        inner, chosen = extend(state, inner, one.binder)
        if weights is not None:
            weights = weights.take(inner.to_parent)
        if chosen is not None:
            weights = _both(state, weights, chosen, inner, one.span)
        if one.condition is not None and inner.n:
            condition = state.column(one.condition, inner)
            keep = np.array(
                [k for k in range(inner.n) if condition.nodes[k] != ATOM or condition.atoms[k]], dtype=np.int64
            )
            inner = inner.restricted(keep)
            condition = condition.take(keep)
            weights = weights.take(keep) if weights is not None else None
            if not condition.constant:
                weights = _both(state, weights, condition, inner, one.condition.span)
                inner = inner.guarded(Guard(condition))
    return inner, weights


def _both(state: State, weights: Column | None, condition: Column, ctx: Context, span: Span) -> Column:
    return condition if weights is None else split.apply(state.builder, "and", [weights, condition], ctx, span)


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
    if name == "sum" and value.has_atoms and not value.constant:
        # Adding 0 adds nothing: what a shut gate took away takes no part.
        left = np.array([k for k in range(inner.n) if value.nodes[k] != ATOM or value.atoms[k] != 0], dtype=np.int64)
        inner, value = inner.restricted(left), value.take(left)
        weights = weights.take(left) if weights is not None else None
    segments = inner.rows_in(outer)
    counts = np.bincount(segments, minlength=outer.n)
    if weights is None and value.constant and not _needs_node(name, value):
        return _plain(state, name, value, segments, outer, span)
    if weights is not None:
        value, weights, name = _weighted(state, name, inner, value, weights, span)
    value = split.settle(state.builder, state.builder.values(value, inner, span), inner, span)
    value = _pool(state, value, inner, span)
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
    return Column.of_atoms([_fold(state, name, b, span) for b in buckets])


def _fold(state: State, name: str, atoms: Sequence[Any], span: Span) -> Any:
    if not atoms:
        return _nothing(state, name, 1, span).atoms[0]
    if name == "product":
        result: Any = 1
        for a in atoms:
            result = result * a
        return result
    return _PLAIN[name](atoms)


def _weighted(
    state: State, name: str, inner: Context, value: Column, weights: Column, span: Span
) -> tuple[Column, Column | None, str]:
    """Filters that decisions decide: sums and concatenations of w·x; the others keep the weights."""
    builder = state.builder
    if name in ("sum", "concat", "stack"):
        value = split.settle(builder, builder.values(value, inner, span), inner, span)
        value = _pool(state, value, inner, span)
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


def _pool(state: State, value: Column, ctx: Context, span: Span) -> Column:
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
    )  # fmt: skip
    if node_shape.searched:
        from dataclasses import replace

        widths = builder.nodes[ids[0]].widths
        starts = value.rows[np.unique(segments, return_index=True)[1]]
        node = replace(node, widths=tuple(w and Ref(w.node, Rows(w.rows.array[starts])) for w in widths))
    return Column.of_node(builder.add(node), len(filled))


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
        own = tuple(parts[starts[0] + e] for e in range(k, end))
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


def _family(state: State, name: str, fam: Family, ctx: Context, span: Span, place: str) -> Column:
    """`concat(e)`: over all elements of the family that belong to the row at hand."""
    outer, rows = rows_at(fam, ctx)
    variables = {f"·{n}": c.take(rows) for n in fam.names if (c := fam.context.lookup(n)) is not None}
    inner = Context(len(rows), ctx.scope, ctx, outer, variables, fam.context.axes)
    value = read(state, fam, rows, span) if len(rows) else Column.of_atoms(())
    return reduce(state, name, inner, ctx, value, None, span, place)


def _elements(state: State, name: str, value: Column, ctx: Context, span: Span, place: str) -> Column:
    """Over the elements of a list or set, or of a vector, matrix or sequence."""
    if value.constant:
        found = []
        for atom in value.atoms:
            items = members(atom)
            if items is None and is_number(atom):
                items = [atom]
            if items is None or (name not in ("concat", "stack") and not all(map(is_number, items))):
                raise state.builder.report(
                    "S0302", f"{name}() runs over numbers, and this is {describe(atom)}", span, describe(atom)
                )
            found.append(tuple(items) if name in ("concat", "stack") else _fold(state, name, items, span))
        return Column.of_atoms(found)
    value = state.builder.values(value, ctx, span)
    if name in ("concat", "stack"):
        return _several(state, name, [value], ctx, span, place)
    return split.apply(state.builder, f"over_{name}", [value], ctx, span, place=place)


def _several(state: State, name: str, columns: Sequence[Column], ctx: Context, span: Span, place: str) -> Column:
    """`concat(a, b, …)`, `max(a, b)`."""
    n = len(columns)
    order = np.arange(ctx.n * n, dtype=np.int64)
    empty = [k for k, c in enumerate(columns) if c.constant and all(a == () for a in c.atoms)]
    kept = [k for k in range(n) if k not in empty or name not in ("concat", "stack")]
    if not kept:
        return Column.uniform((), ctx.n)
    outer = np.repeat(np.arange(ctx.n, dtype=np.int64), len(kept))
    labels = Column.of_atoms([k for _ in range(ctx.n) for k in kept])
    inner = Context(len(outer), ctx.scope, ctx, outer, {"·": labels})
    pieces = [(order[: len(outer)][i :: len(kept)], columns[k]) for i, k in enumerate(kept)]
    return reduce(state, name, inner, ctx, scatter(len(outer), pieces), None, span, place)

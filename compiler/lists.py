"""Lists and sets: plain values where all elements are known, a vector where one is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from .columns import ATOM, Column, Context, scatter
from .reducing import reduce
from .state import State


def listed(state: State, items: tuple[ast.Expr, ...], ctx: Context, span: Span, labels: bool) -> Column:
    """`[a, b]`: a list where all is known, else a vector of numbers."""
    columns = state.columns(items, ctx, labels)
    if all(c.constant for c in columns):
        return known(state, columns, lambda *v: v, ctx, span)
    n = len(columns)
    outer = np.repeat(np.arange(ctx.n, dtype=np.int64), n)
    inner = Context(len(outer), ctx.scope, ctx, outer, {"·": Column.of_atoms(list(range(n)) * ctx.n)})
    order = np.arange(len(outer), dtype=np.int64)
    joined = scatter(len(outer), [(order[k::n], c) for k, c in enumerate(columns)])
    return _vector(state, inner, ctx, joined, span)


def comprehension(
    state: State, inner: Context, ctx: Context, value: Column, weights: Column | None, span: Span
) -> Column:
    """`[x for …]`, its elements resolved already."""
    if weights is not None:
        raise state.builder.report(
            "S0213", "a list's elements are known when compiling, and this filter is decided later", span
        )
    if not value.constant:
        return _vector(state, inner, ctx, value, span)
    found: list[list[Any]] = [[] for _ in range(ctx.n)]
    for row, atom in zip(inner.rows_in(ctx).tolist(), value.atoms, strict=True):
        found[row].append(atom)
    return Column.of_atoms([tuple(f) for f in found])


def _vector(state: State, inner: Context, ctx: Context, value: Column, span: Span) -> Column:
    return reduce(state, "vector", inner, ctx, value, None, span, "")


def known(state: State, columns: list[Column], make: Any, ctx: Context, span: Span) -> Column:
    """What `make` makes of plain values, row by row; once for rows that hold the same ones."""
    made: dict[tuple[int, ...], Any] = {}
    found = []
    if any((c.nodes != ATOM).any() for c in columns):
        raise state.builder.report("S0213", "what stands here is known when compiling", span, "decided later")
    for row in range(ctx.n):
        values = tuple(c.atoms[row] for c in columns)
        key = tuple(map(id, values))
        if key not in made:
            made[key] = make(*values)
        found.append(made[key])
    return Column.of_atoms(found)

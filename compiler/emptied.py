"""Shapes in a derived model that only what was not chosen can tell: of emptied aggregates, of constant alternatives.

    sum(e[f] for f in fields if use[f]), every use off       →   zeros of the shape of e[f]
    concat(m[f] for f in fields if use[f]), of matrices      →   a matrix of no rows, as wide as they are
    choose { product: e[i] * e[j] none: 0 }, none is chosen   →   zeros of the shape of e[i] * e[j]

The supernet weighs such elements with 0 and so keeps their shape; what reads the aggregate has to find it here as well.
Filters that are known without any decision leave the plain 0 or 1 in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span
from recspace.dsl.walk import walk

from .atoms import is_number
from .builder import Failed
from .columns import ATOM, Column, Context, scatter
from .ir import Constant, IntArray, Rows
from .scopes import Family, Scope
from .shapes import NUMBER, matrix
from .state import State
from .unroll import names_in

T = TypeVar("T")
NEUTRAL = {"sum": 0.0, "mean": 0.0, "product": 1.0}
Elements = Callable[[State, ast.Generator, Context], tuple[Context, Column]]


def shaped(
    state: State, name: str, generator: ast.Generator, ctx: Context, inner: Context, column: Column, elements: Elements
) -> Column:
    """The aggregate `column`, whose rows without elements get the shape that their elements would have."""
    counts = np.bincount(inner.rows_in(ctx), minlength=ctx.n)
    empty = np.flatnonzero(counts == 0)
    filtered = any(f.condition is not None and decided(ctx.scope, f.condition) for f in generator.fors)
    if state.bound is None or name not in (*NEUTRAL, "concat") or not len(empty) or not filtered:
        return column
    outer = ctx.restricted(empty)
    every = replace(generator, fors=tuple(replace(f, condition=None) for f in generator.fors))
    if name == "concat":
        return _without_rows(state, every, ctx, empty, column, elements)
    found = _tried(state, lambda: elements(state, every, outer))
    if found is None:  # a filter may keep what is not there from being read
        return column
    wide, value = found
    made = value.node_ids()
    shape = state.builder.nodes[made[0]].shape if len(made) == 1 else NUMBER
    if shape == NUMBER or shape.searched:
        return column
    at = empty[np.unique(wide.rows_in(outer))]
    values = np.full((len(at), *shape.fixed), NEUTRAL[name])
    index = ctx.index().take(Rows(at))
    node = Constant(index=index, shape=shape, phase="compile", span=generator.span, values=values)
    every_row = np.arange(ctx.n, dtype=np.int64)
    return scatter(ctx.n, [(every_row, column), (at, Column.of_node(state.builder.add(node), len(at)))])


def _without_rows(
    state: State, every: ast.Generator, ctx: Context, empty: IntArray, column: Column, elements: Elements
) -> Column:
    """Rows without elements as matrices of no rows, where their elements would have been matrices of one width."""
    outer = ctx.restricted(empty)
    found = _tried(state, lambda: elements(state, every, outer))
    if found is None:
        return column
    wide, value = found
    shapes = {state.builder.nodes[key].shape for key in value.node_ids()}
    widths = {shape.last for shape in shapes}
    if not shapes or len(widths) > 1 or any(s.kind != "matrix" or not isinstance(s.last, int) for s in shapes):
        return column
    at = empty[np.unique(wide.rows_in(outer))]
    shape = matrix(0, widths.pop())
    values = np.zeros((len(at), *shape.fixed))
    node = Constant(index=ctx.index().take(Rows(at)), shape=shape, phase="compile", span=every.span, values=values)
    pieces = [(np.arange(ctx.n, dtype=np.int64), column), (at, Column.of_node(state.builder.add(node), len(at)))]
    return scatter(ctx.n, pieces)


def like_siblings(state: State, column: Column, siblings: Sequence[ast.Expr], ctx: Context, span: Span) -> Column:
    """A constant alternative in the shape of the first of its siblings that has one: as where all are weighed."""
    if state.bound is None or not column.has_atoms:
        return column
    rows = np.array([r for r in np.flatnonzero(column.nodes == ATOM) if is_number(column.atoms[r])], dtype=np.int64)
    pieces = [(np.arange(ctx.n, dtype=np.int64), column)]
    for sibling in siblings:
        if not len(rows):
            break
        sub = ctx.restricted(rows)
        other = _tried(state, lambda one=sibling, at=sub: state.column(one, at))  # type: ignore[misc]
        nodes = other.nodes if other is not None else np.full(len(rows), ATOM)
        left = nodes == ATOM
        for key in np.unique(nodes[~left]):
            shape = state.builder.nodes[int(key)].shape
            mine = rows[nodes == key]
            if shape == NUMBER or shape.searched or shape.kind == "sequence":
                continue
            blown = state.builder.values(column.take(mine), ctx.restricted(mine), span, shape)
            pieces.append((mine, blown))
        rows = rows[left]
    return scatter(ctx.n, pieces)


def _tried(state: State, make: Callable[[], T]) -> T | None:
    """What `make` gives; None, and nothing said, where it fails."""
    before = dict(state.builder.diagnostics)
    try:
        return make()
    except Failed:
        if state.stopped:
            raise
        state.builder.diagnostics.clear()
        state.builder.diagnostics.update(before)
        return None


def decided(scope: Scope, condition: ast.Expr) -> bool:
    """Whether a condition reads a decision, by the names that it reads."""
    if any(isinstance(n, ast.ChooseFrom | ast.ChooseOne) for n in walk(condition)):
        return True
    seen: set[str] = set()
    todo = [n.name for n in walk(condition) if isinstance(n, ast.Name)]
    while todo:
        name = todo.pop()
        given, found = scope.arguments.get(name), scope.definitions.get(name)
        if isinstance(found, ast.Choose) or (isinstance(given, Family) and isinstance(given.statement, ast.Choose)):
            return True
        if found is not None and name not in seen:
            if isinstance(found, ast.Let) and any(
                isinstance(n, ast.ChooseFrom | ast.ChooseOne) for n in walk(found.value)
            ):
                return True
            seen.add(name)
            todo += names_in(found)
    return False

"""Aggregates that shut gates have emptied, in a derived model.

    sum(e[f] for f in fields if use[f]), every use off   →   zeros of the shape of e[f]

The supernet weighs such elements with 0 and so keeps their shape; what reads the aggregate has to find it here as well.
Filters that are known without any decision leave the plain 0 or 1 in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from recspace.dsl import ast
from recspace.dsl.walk import walk

from .builder import Failed
from .columns import Column, Context, scatter
from .ir import Constant, Rows
from .scopes import Family, Scope
from .shapes import NUMBER
from .state import State
from .unroll import names_in

NEUTRAL = {"sum": 0.0, "mean": 0.0, "product": 1.0}
Elements = Callable[[State, ast.Generator, Context], tuple[Context, Column]]


def shaped(
    state: State, name: str, generator: ast.Generator, ctx: Context, inner: Context, column: Column, elements: Elements
) -> Column:
    """The aggregate `column`, whose rows without elements get the shape that their elements would have."""
    counts = np.bincount(inner.rows_in(ctx), minlength=ctx.n)
    empty = np.flatnonzero(counts == 0)
    decided = any(f.condition is not None and _decided(ctx.scope, f.condition) for f in generator.fors)
    if state.bound is None or name not in NEUTRAL or not len(empty) or not decided:
        return column
    outer = ctx.restricted(empty)
    every = replace(generator, fors=tuple(replace(f, condition=None) for f in generator.fors))
    before = dict(state.builder.diagnostics)
    try:
        wide, value = elements(state, every, outer)
    except Failed:  # a filter may keep what is not there from being read
        state.builder.diagnostics.clear()
        state.builder.diagnostics.update(before)
        return column
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


def _decided(scope: Scope, condition: ast.Expr) -> bool:
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
            if isinstance(found, ast.Let) and any(isinstance(n, ast.ChooseFrom | ast.ChooseOne) for n in walk(found.value)):
                return True
            seen.add(name)
            todo += names_in(found)
    return False

"""`factored symmetric(rank = R)`: which part of a decision's index is the set whose members share factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from .atoms import key_label
from .columns import Context
from .decisions import Choice, Key

if TYPE_CHECKING:
    from .state import State

HELP = "index it by  i < j in fields  or by  s in subsets(fields, k)"


def declared(
    state: State, clauses: tuple[ast.Clause, ...], ctx: Context, name: str
) -> tuple[int, list[tuple[Choice, ...]], list[Key]]:
    """The rank (0 without the clause); and for every row the members of its set, and the rest of its key."""
    clause = next((c for c in clauses if isinstance(c, ast.Factored)), None)
    if clause is None:
        return 0, [], []
    if any(isinstance(c, ast.Given) for c in clauses):
        raise state.builder.report("S0405", "logits are given or factored, not both", clause.span)
    return rank_of(state, clause.value, ctx), *sets_of(state, ctx, name, clause.span)


def rank_of(state: State, value: ast.Expr, ctx: Context) -> int:
    """R of `symmetric(rank = R)`: a whole number that is known when compiling."""
    searched = ""
    match value:
        case ast.Call(ast.Name("symmetric"), (ast.Keyword("rank", inner),)) if not isinstance(inner, ast.Schedule):
            column = state.column(inner, ctx)
            rank = column.atoms[0] if column.constant and ctx.n else 0
            if isinstance(rank, int) and not isinstance(rank, bool) and rank >= 1:
                return rank
            searched = "" if column.constant else "this rank is searched, which cannot be yet: "
    raise state.builder.report("S0405", f"{searched}factored takes symmetric(rank = R), R a whole number from 1",
                               value.span, help="write: factored symmetric(rank = 3)")  # fmt: skip


def sets_of(state: State, ctx: Context, name: str, span: Span) -> tuple[list[tuple[Choice, ...]], list[Key]]:
    """For every row of a context the members of its set, and the rest of its key: both as labels.

    A set is bound by `s in subsets(S, k)`, or by two names: `i < j in S`.
    """
    if ctx.index().values:
        raise state.builder.report("S0405", f"`{name}` is indexed by values, and factors are of sets", span, help=HELP)
    columns = [(c, place) for place, frame in enumerate(_frames(ctx)) for c in _columns(frame, ctx)]
    found = {place for place, frame in enumerate(_frames(ctx)) if _binds_sets(frame)}
    if len(found) != 1 and ctx.n:
        text = "sets of one kind make factored logits" if found else "factored logits are of sets"
        raise state.builder.report("S0405", f"{text}, and `{name}` is indexed otherwise", span, help=HELP)
    sets: list[tuple[Choice, ...]] = []
    rest: list[Key] = []
    for row in range(ctx.n):
        mine = [c[row] for c, place in columns if place in found]
        members = mine[0] if len(mine) == 1 and isinstance(mine[0], tuple) else tuple(mine)
        sets.append(tuple(map(key_label, members)))
        rest.append(tuple(key_label(c[row]) for c, place in columns if place not in found))
    return sets, rest


def _frames(ctx: Context) -> list[Context]:
    """From the outermost in."""
    frames = [ctx]
    while frames[-1].parent is not None:
        frames.append(frames[-1].parent)
    return frames[::-1]


def _columns(frame: Context, ctx: Context) -> list[list[object]]:
    """What each binder of a frame is bound to, in every row of an inner context."""
    rows = ctx.rows_in(frame) if frame is not ctx else np.arange(ctx.n)
    return [[c.atoms[r] for r in rows] for c in frame.variables.values() if c.atoms]


def _binds_sets(frame: Context) -> bool:
    columns = [c.atoms for c in frame.variables.values() if c.atoms]
    unordered = any("<" in axis.partition(" in ")[0] for axis in frame.axes)
    return unordered or (len(columns) == 1 and all(isinstance(a, tuple) for a in columns[0]))

"""`factored symmetric(rank = R)`: which part of a decision's index is the set whose members share factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from .atoms import key_label
from .columns import Column, Context
from .decisions import Choice, Key
from .ir import DecisionNode

if TYPE_CHECKING:
    from .state import State

Rank = tuple[str, int, tuple[int, ...]]
"""A rank that is searched: the decision, its element, what its options stand for."""
HELP = "index it by  i < j in fields  or by  s in subsets(fields, k)"


@dataclass(frozen=True, slots=True)
class Declared:
    """What `factored` says of every row: the members of its set, the rest of its key, its rank where that is searched.
    `rank`: the largest; 0 without the clause."""

    rank: int = 0
    sets: tuple[tuple[Choice, ...], ...] = ()
    groups: tuple[Key, ...] = ()
    ranks: tuple[Rank, ...] = ()


def declared(state: State, clauses: tuple[ast.Clause, ...], ctx: Context, name: str) -> Declared:
    clause = next((c for c in clauses if isinstance(c, ast.Factored)), None)
    if clause is None:
        return Declared()
    if any(isinstance(c, ast.Given) for c in clauses):
        raise state.builder.report("S0405", "logits are given or factored, not both", clause.span)
    rank, ranks = rank_of(state, clause.value, ctx)
    sets, groups = sets_of(state, ctx, name, clause.span)
    own: dict[Key, Rank] = {}
    if any(own.setdefault(group, found) != found for group, found in zip(groups, ranks, strict=False)):
        raise state.builder.report("S0405", "sets that share factors have one rank, and this one is searched for each",
                                   clause.span, help="declare it:  choose R from {1, 2, 4}")  # fmt: skip
    return Declared(rank, tuple(sets), tuple(groups), ranks)


def rank_of(state: State, value: ast.Expr, ctx: Context) -> tuple[int, tuple[Rank, ...]]:
    """R of `symmetric(rank = R)`, a whole number; or the largest that decisions may take, and which they are, row by row."""
    wrong = "factored takes symmetric(rank = R), R a whole number from 1"
    match value:
        case ast.Call(ast.Name("symmetric"), (ast.Keyword("rank", inner),)) if not isinstance(inner, ast.Schedule):
            if not ctx.n:
                return 1, ()  # of no elements
            column = state.column(inner, ctx)
            ranks = _searched(state, column)
            if ranks:
                return max(max(options) for _, _, options in ranks), ranks
            if not column.constant:
                wrong = "a rank that is searched is a decision between whole numbers from 1, made once for all examples"
            found = column.atoms[0] if column.constant else 0
            if isinstance(found, int) and not isinstance(found, bool) and found >= 1:
                return found, ()
    raise state.builder.report("S0405", wrong, value.span, help="write: factored symmetric(rank = 3)")


def _searched(state: State, column: Column) -> tuple[Rank, ...]:
    """The decision in every row; nothing where a row is something else, or of another decision."""
    found: list[Rank] = []
    for key, row in zip(column.nodes.tolist(), column.rows.tolist(), strict=True):
        node = state.builder.nodes.get(key)
        if not isinstance(node, DecisionNode) or node.given is not None or node.index.values or node.index.runs:
            return ()
        element = int(node.elements.array[row])
        domain = state.entries[node.name].domain(element)
        ranks = tuple(o for o in domain.options if isinstance(o, int) and not isinstance(o, bool) and o >= 1)
        if domain.kind not in ("number", "range") or not ranks or len(ranks) < len(domain.options):
            return ()
        found.append((node.name, element, ranks))
    return tuple(found) if len({name for name, _, _ in found}) == 1 else ()


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

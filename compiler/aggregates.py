"""sum mean max min product concat stack any all: over a generator, over a family, or over a value's elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import advice, conditions, emptied, split
from .atoms import describe, is_number, members
from .binders import extend
from .builder import Failed
from .columns import ATOM, Column, Context, Guard, scatter
from .families import read, rows_at
from .reducing import fold, pool, reduce
from .scopes import Family
from .state import State
from .words import no_words

AGGREGATES = ("sum", "mean", "max", "min", "product", "concat", "stack", "any", "all")


def aggregate(state: State, name: str, call: ast.Call, ctx: Context, place: str) -> Column:
    """An aggregate call in every row of a context."""
    arguments = call.arguments
    if len(arguments) == 1 and isinstance(arguments[0], ast.Generator):
        generator = arguments[0]
        inner, weights = expand(state, generator.fors, ctx)
        value = state.column(generator.value, inner) if inner.n else Column.of_atoms(())
        no_words(state, f"{name}() needs", value, generator.value.span, generator.value)
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
            if isinstance(only.statement, ast.Choose):
                _no_family_of_words(state, name, only, ctx, call.span)
            try:
                return over_family(state, name, only, ctx, call.span, place)
            except Failed:
                advice.explain(state, call.span, [a for a in arguments if isinstance(a, ast.Name)], ctx)
                raise
        return _elements(state, name, only, ctx, call.span, place)
    columns = [over_family(state, "concat", v, ctx, call.span, "") if isinstance(v, Family) else v for v in values]
    return _several(state, name, columns, ctx, call.span, place)


def _no_family_of_words(state: State, name: str, fam: Family, ctx: Context, span: Span) -> None:
    _, rows = rows_at(fam, ctx)
    if len(rows):
        element = f"{fam.name}[{', '.join(fam.names)}] == "
        over = " ".join(f"for {b.span.text}" for b in fam.statement.index)
        no_words(
            state, f"{name}() needs", read(state, fam, rows, span), span, written=(f"{name}({element}", f" {over})")
        )


def _elements_of(state: State, generator: ast.Generator, ctx: Context) -> tuple[Context, Column]:
    """The elements that a generator runs over, brought to one shape, and the context that they are in."""
    inner, _ = expand(state, generator.fors, ctx)
    if not inner.n:
        return inner, Column.of_atoms(())
    span = generator.span
    value = state.builder.values(state.column(generator.value, inner), inner, span)
    return inner, pool(state, split.settle(state.builder, value, inner, span), inner, span)


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
            condition = conditions.condition(state, one.condition, inner)
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


def over_family(
    state: State,
    name: str,
    fam: Family,
    ctx: Context,
    span: Span,
    place: str,
    each: Callable[[Column, Context], Column] | None = None,
) -> Column:
    """`concat(e)`: over all elements of the family that belong to the row at hand. `each` is done to them before."""
    outer, rows = rows_at(fam, ctx)
    variables = {f"·{n}": c.take(rows) for n in fam.names if (c := fam.context.lookup(n)) is not None}
    inner = Context(len(rows), ctx.scope, ctx, outer, variables, fam.context.axes)
    value = read(state, fam, rows, span) if len(rows) else Column.of_atoms(())
    return reduce(state, name, inner, ctx, each(value, inner) if each else value, None, span, place)


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
            found.append(tuple(items) if name in ("concat", "stack") else fold(state, name, items, span))
        return Column.of_atoms(found)
    conditions.check_numbers(state, f"{name}() runs over", value, span)
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
        return Column.uniform(() if name in ("concat", "stack") else fold(state, name, (), span), ctx.n)
    outer = np.repeat(np.arange(ctx.n, dtype=np.int64), len(kept))
    labels = Column.of_atoms([k for _ in range(ctx.n) for k in kept])
    inner = Context(len(outer), ctx.scope, ctx, outer, {"·": labels})
    pieces = [(order[: len(outer)][i :: len(kept)], columns[k]) for i, k in enumerate(kept)]
    return reduce(state, name, inner, ctx, scatter(len(outer), pieces), None, span, place)

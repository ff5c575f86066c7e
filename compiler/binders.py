"""Binders: a context gets a row for every element of what they run over."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np

from recspace.dsl import ast

from . import split
from .atoms import (
    MOST,
    ElementsOf,
    ElementVar,
    FieldRef,
    ItemSet,
    TooMany,
    ValuesOf,
    ValueVar,
    check_size,
    describe,
    members,
)
from .columns import Column, Context, Guard, binder_text
from .ir import DecisionNode, Run
from .nesting import too_many
from .scopes import SETS, Family
from .state import State


def extend(state: State, ctx: Context, binder: ast.Binder) -> tuple[Context, Column | None]:
    """The context with a row for every element that the binder runs over; and, where the set is a chosen one, the
    condition (search phase) that an element is in it."""
    domain = state.evaluate(binder.domain, ctx)
    if isinstance(domain, Family):
        raise state.builder.report(
            "S0202", f"`{domain.name}` is a family, not a set", binder.domain.span, "a set is needed"
        )
    names = binder.names.names
    if domain.has_atoms or not ctx.n:  # over nothing there is nothing to run over
        return _over_sets(state, ctx, binder, domain), None
    return _over_chosen(state, ctx, binder, domain, names)


def _over_sets(state: State, ctx: Context, binder: ast.Binder, domain: Column) -> Context:
    names = binder.names.names
    to_parent: list[int] = []
    bound: list[list[Any]] = [[] for _ in names]
    tuples: dict[int, list[tuple[Any, ...]]] = {}
    for row, atom in enumerate(domain.atoms):
        if id(atom) not in tuples:
            try:
                tuples[id(atom)] = _combinations(state, binder, atom)
            except TooMany:
                raise too_many(state, binder.domain.span) from None
        found = tuples[id(atom)]
        if len(to_parent) + len(found) > MOST:
            raise too_many(state, binder.domain.span)
        to_parent += [row] * len(found)
        for k, values in enumerate(zip(*found, strict=True) if found else ()):
            bound[k] += values
    variables = {n: Column.of_atoms(v) for n, v in zip(names, bound, strict=True)}
    return Context(
        len(to_parent), ctx.scope, ctx, np.array(to_parent, dtype=np.int64), variables, (binder_text(binder),)
    )


def _combinations(state: State, binder: ast.Binder, atom: Any) -> list[tuple[Any, ...]]:
    names = binder.names
    match atom:
        case ValuesOf(field):
            return [tuple(ValueVar(field) for _ in names.names)]
        case ElementsOf(field):
            relation = {ast.Each: "", ast.Ordered: "<", ast.OrderedOrEqual: "<="}[type(names)]
            run = Run(tuple(names.names), field, relation)
            return [tuple(ElementVar(field, n, run) for n in names.names)]
    items = members(atom)
    if items is None:
        if isinstance(atom, FieldRef) and atom.name in SETS:
            raise state.builder.report(
                "S0202", f"the data has a column `{atom.name}`, which hides the set of that name", binder.domain.span,
                "the column", help=f"give the column another name: --rename {atom.name}={atom.name}_",
            )  # fmt: skip
        raise state.builder.report(
            "S0202", f"a binder runs over a set, and this is {describe(atom)}", binder.domain.span, describe(atom),
            help="sets are fields, user.., a..b, values(f), subsets(S, k), {…} and […]",
        )  # fmt: skip
    count = len(names.names) if isinstance(names, ast.Each) else 1
    check_size(len(items) ** count if isinstance(names, ast.Each) else len(items) * (len(items) - 1) // 2)
    match names:
        case ast.Each(all_names):
            return list(product(items, repeat=len(all_names)))
        case ast.Ordered():
            return list(combinations(items, 2))
        case ast.OrderedOrEqual():
            return list(combinations_with_replacement(items, 2))


def _over_chosen(
    state: State, ctx: Context, binder: ast.Binder, domain: Column, names: tuple[str, ...]
) -> tuple[Context, Column]:
    """A generator over a set that a decision takes: a row for everything it could hold."""
    builder = state.builder
    to_parent: list[int] = []
    atoms: list[Any] = []
    positions: list[int] = []
    for row in range(ctx.n):
        node = builder.nodes[int(domain.nodes[row])]
        if not isinstance(node, DecisionNode) or len(names) != 1 or not isinstance(binder.names, ast.Each):
            raise builder.report(
                "S0202", "a binder runs over a set, and this is a value of the model", binder.domain.span
            )
        element = int(node.elements.array[int(domain.rows[row])])
        entry = state.entries[node.name]
        options = entry.atoms.get(entry.domain_of[element])
        if options is None or entry.domain(element).kind != "subset":
            raise builder.report("S0202", f"`{node.name}` does not take a set", binder.domain.span, "a set is needed")
        to_parent += [row] * len(options)
        atoms += options
        positions += range(len(options))
    parents = np.array(to_parent, dtype=np.int64)
    variables = {names[0]: Column.of_atoms(atoms)}
    inner = Context(len(atoms), ctx.scope, ctx, parents, variables, (binder_text(binder),))
    subject = domain.take(parents)
    inner.guard = Guard(subject, "member", tuple(positions))
    return inner, _member(state, inner, subject, positions, binder)


def _member(state: State, ctx: Context, subject: Column, positions: list[int], binder: ast.Binder) -> Column:
    return split.apply(state.builder, "member", [subject, Column.of_atoms(positions)], ctx, binder.span)


def difference(left: Any, right: Any) -> ItemSet | None:
    """`S - T`."""
    a, b = members(left), members(right)
    return None if a is None or b is None else ItemSet(tuple(x for x in a if x not in set(b)))

"""Brackets: an element of a family, of a list, or of a sequence."""

from __future__ import annotations

from typing import Any

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span

from . import split
from .atoms import ElementVar, describe, members
from .columns import ATOM, Column, Context
from .families import element
from .scopes import Family
from .selecting import select
from .state import State, Value


def subscript(state: State, expr: ast.Subscript, ctx: Context) -> Value:
    """What stands before the brackets says what they read."""
    value = state.evaluate(expr.value, ctx)
    slots = [None if isinstance(s, ast.All) else state.column(s, ctx) for s in expr.slots]
    if isinstance(value, Family):
        _no_quotes(state, value, expr)
        return element(state, value, ctx, slots, expr.span)
    if value.constant and len(slots) == 1 and slots[0] is not None:
        return _item(state, value, slots[0], ctx, expr.span)
    if (
        len(slots) == 1
        and slots[0] is not None
        and slots[0].constant
        and all(isinstance(a, ElementVar) for a in slots[0].atoms)
    ):
        return split.apply(
            state.builder,
            "element",
            [value],
            ctx,
            expr.span,
            options={
                "at": Column.of_atoms([a.name for a in slots[0].atoms]),
                "field": Column.of_atoms([a.field for a in slots[0].atoms]),
            },
        )
    raise state.builder.report(
        "S0205", "brackets read an element of a family or of a list, and this is neither", expr.span
    )


def _no_quotes(state: State, fam: Family, expr: ast.Subscript) -> None:
    """`dim["brand"]`: a field is named without quotes."""
    for slot in expr.slots:
        if isinstance(slot, ast.String) and any(
            str(key) == slot.value and key != slot.value for k in fam.rows_of for key in k
        ):
            text = f"`{fam.name}` has no element {slot.span.text}: a field is named without quotes"
            edits = (Edit(slot.span, slot.value),) if slot.value.isidentifier() else ()
            raise state.builder.report("S0203", text, slot.span, "a text", help="write", edits=edits)


def _item(state: State, value: Column, slot: Column, ctx: Context, span: Span) -> Column:
    """Lists are indexed from 1."""
    found: list[Any] = []
    for row, atom in enumerate(value.atoms):
        items = members(atom)
        if items is None:
            raise state.builder.report(
                "S0205", f"brackets read an element, and this is {describe(atom)}", span, describe(atom)
            )
        if not items:
            raise state.builder.report("S0203", "this list has no elements", span, "empty")
        if slot.nodes[row] != ATOM:
            return _searched_item(state, items, slot, ctx, span)
        at = slot.atoms[row]
        if not isinstance(at, int) or not 1 <= at <= len(items):
            raise state.builder.report(
                "S0203", f"this list has {len(items)} elements, and none at {at}", span, "counted from 1"
            )
        found.append(items[at - 1])
    return Column.of_atoms(found)


def _searched_item(state: State, items: list[Any], slot: Column, ctx: Context, span: Span) -> Column:
    labels = list(range(1, len(items) + 1))
    searched = [
        (int(n), int(r))
        for n, r in zip(slot.nodes, slot.rows, strict=True)
        if n != ATOM and state.builder.nodes[n].phase == "search"
    ]
    for place in searched:
        odd = next((c for c in state.builder.candidates(*place) or ("any number",) if c not in labels), None)
        if odd is not None:
            said = f"{odd:g}" if isinstance(odd, float) else odd
            raise state.builder.report(
                "S0203", f"this list has {len(items)} elements, and none at {said}", span, "counted from 1"
            )
    return select(state.builder, slot, labels, [Column.uniform(i, ctx.n) for i in items], ctx, span, "")

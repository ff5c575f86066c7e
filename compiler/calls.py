"""Calls: the compiler's own functions, components, and the operators that promises describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recspace.dsl import ast
from recspace.dsl.sites import base_name

from .aggregates import AGGREGATES, aggregate
from .atoms import key_label
from .columns import ATOM, Context
from .decisions import Key
from .functions import OWN
from .operators import operator
from .search_phase import FUNCTIONS
from .state import State
from .unknown import unknown


def call(state: State, expr: ast.Call, ctx: Context) -> Any:
    """A call in every row of a context."""
    name, written = _callee(state, expr, ctx)
    subscripts = _inherited(ctx, written)
    component = _component(state, expr.function, ctx)
    if component is not None:
        return state.call_component(component, expr, ctx, subscripts)
    site = ctx.scope.place(ctx.scope.sites.get((expr.span.start, expr.span.end), name))
    if name in AGGREGATES and name not in FUNCTIONS:
        return aggregate(state, name, expr, ctx, site)
    own = OWN.get(name)
    if own is not None and not written:
        return own(state, expr, ctx)
    promise = state.promises.operators.get(name)
    if promise is None or isinstance(expr.function, ast.Qualified):
        raise unknown(state, name, ctx, expr.function.span, "function", expr)
    return operator(state, promise, expr, ctx, site, subscripts)


def _inherited(ctx: Context, written: Sequence[Key]) -> Sequence[Key]:
    """The subscript of every row: that of the component around the call, then the call's own."""
    outer = ctx.scope.keys
    if not outer:
        return written
    above = [outer[r] for r in ctx.rows_in(ctx.scope.base)]
    return [(*a, *b) for a, b in zip(above, written or [()] * ctx.n, strict=True)]


def _callee(state: State, expr: ast.Call, ctx: Context) -> tuple[str, Sequence[Key]]:
    match expr.function:
        case ast.Subscript(ast.Name() | ast.Qualified() as called, slots):
            name = base_name(called)
            columns = []
            for slot in slots:
                if isinstance(slot, ast.All):
                    raise state.builder.report("S0311", "a layer's subscript names indices, not `:`", slot.span)
                columns.append(state.column(slot, ctx))
            keys: list[Key] = []
            for row in range(ctx.n):
                parts = []
                for column, slot in zip(columns, slots, strict=True):
                    if column.nodes[row] != ATOM:
                        raise state.builder.report(
                            "S0311", "a layer's subscript is known when compiling", slot.span, "decided later"
                        )
                    parts.append(key_label(column.atoms[row]))
                keys.append(tuple(parts))
            return name, keys
        case _:
            return base_name(expr.function), ()


def _component(state: State, function: ast.Expr, ctx: Context) -> ast.Component | None:
    match function:
        case ast.Name(name) | ast.Subscript(ast.Name(name)):
            if name in ctx.scope.definitions:
                raise state.builder.report("S0106", f"`{name}` is a value, not a function", function.span, "called here",
                                           help=f"an element of a family is read with brackets: {name}[…]")  # fmt: skip
            found: ast.Component | None = ctx.scope.components.get(name)
            return found
        case ast.Qualified(module, name) | ast.Subscript(ast.Qualified(module, name)):
            found = ctx.scope.components.get(f"{module}.{name}")
            if found is None:
                raise unknown(state, f"{module}.{name}", ctx, function.span, "component")
            return found
        case _:
            raise state.builder.report("S0106", "only names are called", function.span)

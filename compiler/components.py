"""Calls of components: expanded where they are called, in a scope of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Note
from recspace.dsl.sites import base_name
from recspace.dsl.walk import walk

from .bodies import expressions, sites
from .columns import Context
from .decisions import Key
from .nesting import check_calls
from .ordering import ends_first
from .scopes import Scope
from .state import State, Value


def call_component(
    state: State, component: ast.Component, call: ast.Call, ctx: Context, keys: Sequence[Key] = ()
) -> Value:
    """Expand a component where it is called: a scope of its own over the calling context.

    `keys`: the subscript of every row, which each layer inside has before its own: `gate[i, j](x)`.
    """
    outer = ctx.scope
    check_calls(state, outer, component, call.function.span)
    name = base_name(call.function)
    path = outer.place(outer.sites.get((call.span.start, call.span.end), name))
    source = component.span.source.name
    components = state.program.scopes.get(source, state.program.components)
    bodies = [(d.name, expressions(d)) for d in component.definitions] + [("", [component.result])]
    definitions = {d.name: d for d in component.definitions}
    arguments: dict[str, Any] = {}
    scope = Scope(
        path, None, definitions, components, arguments, sites(bodies, components), keys=keys, component=component
    )
    inner = Context(ctx.n, scope, ctx, np.arange(ctx.n, dtype=np.int64))
    scope.base = inner
    given = _arguments(state, component, call)
    for parameter in component.parameters:
        if parameter.name in given:
            arguments[parameter.name] = state.evaluate(given[parameter.name], ctx)
        elif parameter.default is not None:
            arguments[parameter.name] = state.column(parameter.default, inner, labels=True)
    ends_first(state, scope, inner, [n.name for n in walk(component.result) if isinstance(n, ast.Name)])
    return state.evaluate(component.result, inner)


def _arguments(state: State, component: ast.Component, call: ast.Call) -> dict[str, ast.Expr]:
    names = [p.name for p in component.parameters]
    given: dict[str, ast.Expr] = {}
    position = 0
    declared = (Note(component.name_span, "declared here"),)
    for argument in call.arguments:
        match argument:
            case ast.Keyword(name, value) if name in names and not isinstance(value, ast.Schedule):
                given[name] = value
            case ast.Keyword() | ast.Generator() | ast.Schedule():
                raise state.builder.report("S0109", f"{component.name}() has no such parameter", argument.span, "not known", notes=declared,
                                           help=f"parameters: {', '.join(names) or 'none'}")  # fmt: skip
            case _:
                if position >= len(names):
                    raise state.builder.report(
                        "S0109",
                        f"{component.name}() takes {len(names)} arguments at most",
                        argument.span,
                        "one too many",
                        notes=declared,
                    )
                given[names[position]] = argument
                position += 1
    missing = [p.name for p in component.parameters if p.name not in given and p.default is None]
    if missing:
        raise state.builder.report(
            "S0109",
            f"{component.name}() needs {' and '.join(f'`{m}`' for m in missing)}",
            call.span,
            "missing",
            notes=declared,
        )
    return given

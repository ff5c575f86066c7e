"""Names: what each stands for where it is read."""

from __future__ import annotations

from typing import Any

from recspace.dsl import ast
from recspace.dsl.source import Span

from .atoms import FieldRef, ItemSet, Label
from .builder import Failed
from .columns import Column, Context
from .families import circle, element, family
from .functions import cost_node
from .ir import Input
from .objectives import objective
from .schema import Column as DataColumn
from .scopes import Family
from .state import State, Value
from .unknown import unknown


def name_value(state: State, name: str, span: Span, ctx: Context, labels: bool) -> Value:
    """Locals, the space, roles and columns, built-ins – in this order."""
    local = ctx.lookup(name)
    if local is not None:
        return local
    scope = ctx.scope
    if name in scope.arguments:
        given = scope.arguments[name]
        return given if isinstance(given, Family) else given.take(ctx.rows_in(scope.base))
    definition = scope.definitions.get(name)
    if isinstance(definition, ast.Param):
        return Column.uniform(param(state, definition, ctx), ctx.n)
    if definition is not None:
        fam = family(state, scope, name)
        return fam if definition.index else element(state, fam, ctx, (), span)
    schema = state.schema
    role = schema.by_role(name)
    if role is not None or any(f.name == name for f in schema.fields):
        return Column.uniform(FieldRef(role.name if role is not None else name), ctx.n)
    if name in ("fields", "categorical", "numeric", "multivalued"):
        return Column.uniform(field_set(state, name), ctx.n)
    if name == "label":
        node = Input(index=ctx.index(), span=span, columns=(DataColumn("label"),) * ctx.n)
        return Column.of_node(state.builder.add(node), ctx.n)
    if name in ("flops", "latency"):
        return cost_node(state, name, (), ctx, span)
    if name in ("size", "distinct"):
        if name == "distinct" and state.size_said:
            raise state.builder.report("S0630", "`distinct`, counting canonical hashes, has no implementation yet", span,
                                       "checked, not counted", help="`size` counts assignments")  # fmt: skip
        if state.size is None and state.size_said:
            raise state.builder.report("S0412", f"the size of this space is known as a bound: {state.size_said}", span,
                                       "not one number", help=state.size_why)  # fmt: skip
        if state.size is None:
            raise state.builder.report("S0210", f"`{name}` is for `expect` alone", span, "not known here")
        return Column.uniform(state.size, ctx.n)
    if name in ("true", "false"):
        return Column.uniform(name == "true", ctx.n)
    promise = state.promises.operators.get(name)
    if promise is not None and promise.inputs[:1] == ("prediction",):
        return objective(state, promise, ast.Name(name, span), ctx)
    if labels:
        return Column.uniform(Label(name), ctx.n)
    raise unknown(state, name, ctx, span, "value")


def param(state: State, definition: ast.Param, ctx: Context) -> Any:
    """A param's value: overridden from outside, or as declared."""
    name = definition.name
    if name in state.overrides:
        state.used_params.add(name)
        return state.overrides[name]
    if name not in state.params:
        try:
            state.params[name] = _declared_value(state, definition, ctx.scope.base or Context(1, ctx.scope))
        except Failed as failed:
            state.params[name] = failed
    if isinstance(state.params[name], Failed):
        raise state.params[name]
    return state.params[name]


def _declared_value(state: State, definition: ast.Param, base: Context) -> Any:
    name = definition.name
    if definition in state.asked:
        members = state.asked[state.asked.index(definition) :]
        raise circle(state, [(p.name, p) for p in members], members[-1].value.span)
    state.asked.append(definition)
    try:
        column = state.column(definition.value, base, labels=True)
    finally:
        state.asked.pop()
    if not column.constant:
        raise state.builder.report("S0211", f"`{name}` is a param, and so known when compiling", definition.value.span, "decided later",
                                   help=f"write: let {name} = …")  # fmt: skip
    return column.atoms[0]


def field_set(state: State, name: str) -> ItemSet:
    """`fields`, or those of one kind."""
    kinds = {"categorical": ("category",), "numeric": ("number",), "multivalued": ("many", "sequence")}
    wanted = kinds.get(name)
    return ItemSet(tuple(FieldRef(f.name) for f in state.schema.fields if wanted is None or f.kind in wanted))

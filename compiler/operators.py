"""Calls of the operators that promises describe: which argument is which, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit

from . import advice, fields
from .aggregates import over_family
from .applying import apply
from .builder import Failed
from .call_arguments import arguments
from .call_options import check_options, option_value
from .columns import Column, Context
from .decisions import Key
from .objectives import objective
from .promise import Operator
from .scopes import Family
from .state import State


def operator(
    state: State, promise: Operator, expr: ast.Call, ctx: Context, site: str, subscripts: Sequence[Key]
) -> Column:
    """Apply an operator of the runtime's."""
    if promise.inputs[:1] == ("prediction",):
        return objective(state, promise, expr, ctx)
    inputs, given = arguments(state, promise, expr)
    options: dict[str, Any] = {}
    for option in promise.options:
        if option.name in given:
            options[option.name] = option_value(state, option.kind, given[option.name], ctx)
        else:
            options[option.name] = Column.uniform(option.default, ctx.n)
    check_options(state, promise, options, given, ctx)
    if promise.name in ("embed", "weight"):
        field = state.column(inputs[0], ctx)
        return fields.look_up(state, promise.name, field, options, ctx, expr.span, site, subscripts,
                              given["n"].span if "n" in given else None)  # fmt: skip
    if promise.name == "l2":
        own = state.evaluate(inputs[0], ctx)
        if isinstance(own, Family) and own.context.index().runs:
            return _for_each_element(state, promise, own, options, ctx, expr, site)
    values, failure = [], None
    for argument in inputs:
        try:
            values.append(_input(state, promise, argument, ctx))
        except Failed as failed:
            failure = failed
    if failure is not None:
        raise failure
    try:
        return apply(state, promise, values, options, ctx, expr.span, site, "", subscripts)
    except Failed:
        advice.explain(state, expr.span, inputs, ctx)
        raise


def _for_each_element(
    state: State, promise: Operator, own: Family, options: Mapping[str, Any], ctx: Context, expr: ast.Expr, site: str
) -> Column:
    """A mean over a family of as many elements as an example has: the mean over them."""

    def each(value: Column, inner: Context) -> Column:
        spread = {name: Column.uniform(column.atoms[0], inner.n) for name, column in options.items()}
        return apply(state, promise, [value], spread, inner, expr.span, site, "", ())

    return over_family(state, "mean", own, ctx, expr.span, site, each)


def _input(state: State, promise: Operator, argument: ast.Expr, ctx: Context) -> Column:
    value = state.evaluate(argument, ctx)
    if isinstance(value, Family):
        if promise.name in ("diversity", "l2", "flatten"):
            return over_family(state, "stack" if promise.name != "l2" else "concat", value, ctx, argument.span, "")
        raise _whole_family(state, promise, value, argument)
    return value


ROWS = (
    "senet",
    "conv1x1",
    "pairwise_product",
    "fm_block",
    "dot_block",
    "efc_block",
    "self_attention",
    "gru",
    "conv1d",
    "pool1d",
)
"""Operators on matrices."""


def _whole_family(state: State, promise: Operator, fam: Family, argument: ast.Expr) -> Failed:
    """`linear(e, 1)`: a family as a whole is concatenated, or stacked, first."""
    joined = "stack" if promise.name in ROWS else "concat"
    axes = ", ".join(fam.names)
    return state.builder.report(
        "S0201", f"`{fam.name}` is a family, and {promise.name}() takes one value", argument.span, f"indexed by {axes}",
        help=f"bring its elements together, or take one: {fam.name}[{axes}]",
        edits=(Edit(argument.span, f"{joined}({argument.span.text})"),),
    )  # fmt: skip

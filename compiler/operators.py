"""Calls of the operators that promises describe: which argument is which, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
from .ir import IntArray
from .objectives import objective
from .promise import Operator
from .scopes import Family
from .searched import Call, for_each_value
from .state import State

LOOKED_UP = ("embed", "weight")


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
    called, all_rows = (
        Call(state, promise, expr.span, site, bool(subscripts) or promise.name in LOOKED_UP),
        np.arange(ctx.n, dtype=np.int64),
    )
    spans = {name: one.span for name, one in given.items()}
    if promise.name in LOOKED_UP:
        field = state.column(inputs[0], ctx)

        def looked_up(options: Mapping[str, Any], rows: IntArray, ctx: Context) -> Column:
            own = [subscripts[r] for r in rows] if subscripts else ()
            return fields.look_up(state, promise.name, field.take(rows), options, ctx, expr.span, site, own,
                                  given["n"].span if "n" in given else None)  # fmt: skip

        return for_each_value(called, options, spans, all_rows, ctx, looked_up)
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

    def applied(options: Mapping[str, Any], rows: IntArray, ctx: Context) -> Column:
        own = [subscripts[r] for r in rows] if subscripts else ()
        return apply(state, promise, [v.take(rows) for v in values], options, ctx, expr.span, site, "", own)

    try:
        return for_each_value(called, options, spans, all_rows, ctx, applied)
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
    "cin",
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

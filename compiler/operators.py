"""Calls of the operators that promises describe: which argument is which, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from . import advice, fields, split
from .aggregates import over_family
from .applying import apply
from .builder import Failed
from .call_options import check_options, option_value
from .columns import Column, Context
from .decisions import Key
from .ir import Input, IntArray
from .promise import REQUIRED, Operator
from .schema import Column as DataColumn
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
            return fields.look_up(state, promise.name, field.take(rows), options, ctx, expr.span, site, own)

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


def arguments(state: State, promise: Operator, expr: ast.Call) -> tuple[list[ast.Expr], dict[str, ast.Expr]]:
    """The call's inputs in order, and its options by name."""
    names = promise.positional or (*promise.inputs, *(o.name for o in promise.options))
    options = {o.name for o in promise.options}
    inputs: dict[str, ast.Expr] = {}
    given: dict[str, ast.Expr] = {}
    rest: list[ast.Expr] = []
    position = 0
    for argument in expr.arguments:
        match argument:
            case ast.Keyword(name, inner):
                if isinstance(inner, ast.Schedule) or (name not in options and name not in promise.inputs):
                    near = nearest(name, [*options])
                    written = Span(argument.span.source, argument.span.start, argument.span.start + len(name))
                    raise state.builder.report("S0308", f"{promise.name}() has no option `{name}`", written if near else argument.span, "not known",
                                               help=f"did you mean `{near}`?" if near else f"options: {', '.join(sorted(options)) or 'none'}",
                                               edits=(Edit(written, near),) if near else ())  # fmt: skip
                (given if name in options else inputs)[name] = inner
            case ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", f"{promise.name}() takes values, not a generator", argument.span)
            case _:
                if position < len(names) and not names[position].endswith("*"):
                    name = names[position]
                    (given if name in options else inputs)[name] = argument
                    position += 1
                elif position < len(names):
                    rest.append(argument)
                else:
                    raise state.builder.report(
                        "S0308", f"{promise.name}() takes {len(names)} arguments at most", argument.span, "one too many"
                    )
    missing = [n for n in promise.inputs if n not in inputs and not n.endswith("*")]
    missing += [o.name for o in promise.options if o.default is REQUIRED and o.name not in given]
    if missing:
        raise state.builder.report(
            "S0308", f"{promise.name}() needs {' and '.join(f'`{m}`' for m in missing)}", expr.span, "missing"
        )
    ordered = [inputs[n] for n in promise.inputs if n in inputs]
    return [*ordered, *rest], given


def objective(state: State, promise: Operator, expr: ast.Call | ast.Name, ctx: Context) -> Column:
    """`logloss`, `bpr(negatives = 1)`: an objective on what is predicted; prediction and label are its inputs."""
    if state.predicted is None:
        raise state.builder.report(
            "S0212", f"`{promise.name}` stands in `minimize`", expr.span, "needs what is predicted"
        )
    given: dict[str, ast.Expr] = {}
    if isinstance(expr, ast.Call):
        bare = replace(promise, inputs=(), positional=())
        _, given = arguments(state, bare, expr)
    options = {
        o.name: state.column(given[o.name], ctx) if o.name in given else Column.uniform(o.default, ctx.n)
        for o in promise.options
    }
    check_options(state, promise, options, given, ctx)
    found = [state.predicted]
    if "label" in promise.inputs:
        label = Input(index=ctx.index(), span=expr.span, columns=(DataColumn("label"),) * ctx.n)
        found.append(Column.of_node(state.builder.add(label), ctx.n))
    return split.apply(state.builder, promise.name, found, ctx, expr.span, options=options)


def _input(state: State, promise: Operator, argument: ast.Expr, ctx: Context) -> Column:
    value = state.evaluate(argument, ctx)
    if isinstance(value, Family):
        if promise.name in ("diversity", "l2", "flatten"):
            return over_family(state, "stack" if promise.name != "l2" else "concat", value, ctx, argument.span, "")
        return state.column(argument, ctx)
    return value

"""Objectives: what `minimize` may hold of the runtime's, and whether prediction and label suit it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit, Note
from recspace.dsl.source import Span

from . import split
from .call_arguments import arguments
from .call_options import check_options, option_value
from .columns import Column, Context
from .intervals import interval
from .ir import Input
from .promise import Operator
from .schema import Column as DataColumn
from .shapes import NUMBER
from .state import State


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
        o.name: option_value(state, o.kind, given[o.name], ctx) if o.name in given else Column.uniform(o.default, ctx.n)
        for o in promise.options
    }
    check_options(state, promise, options, given, ctx)
    if promise.name == "logloss":
        _label_of_two(state, expr.span)
        _one_for_each_class(state, state.predicted)
        _probability(state, state.predicted, expr.span)
    found = [state.predicted.take(np.zeros(ctx.n, dtype=np.int64))]
    if "label" in promise.inputs:
        label = Input(index=ctx.index(), span=expr.span, columns=(DataColumn("label"),) * ctx.n)
        found.append(Column.of_node(state.builder.add(label), ctx.n))
    return split.apply(state.builder, promise.name, found, ctx, expr.span, options=options)


def _label_of_two(state: State, span: Span) -> None:
    """A label of many numbers is none of `logloss`, which would take them for probabilities."""
    label = state.schema.label
    if label.kind != "number":
        return
    name, edits = label.column or "the label", [Edit(span, "mse")]
    predict = _predict(state)
    match predict.value if predict is not None else None:
        case ast.Call(ast.Name("sigmoid"), (argument,)) as call if not isinstance(
            argument, ast.Keyword | ast.Generator
        ):
            edits.append(Edit(call.span, argument.span.text))
    two = f"{label.column} >= {label.upper:g}" if label.column.isidentifier() else "rating >= 4"
    raise state.builder.report(
        "S0318", f"`logloss` needs a label of two values, and `{name}` has more", span, "for clicks and the like",
        help=f"say which values are a positive, `label: {two}` in the data block or --label '{two}'; or minimize mse",
        edits=tuple(edits),
    )  # fmt: skip


def _one_for_each_class(state: State, predicted: Column) -> None:
    label, predict, nodes = state.schema.label, _predict(state), predicted.node_ids()
    shape = state.builder.nodes[nodes[0]].shape if nodes else NUMBER
    if label.kind == "classes" and predict is not None and shape.last != label.classes:
        raise state.builder.report(
            "S0315", f"a label of {label.classes} classes needs a number for each of them", predict.value.span, f"this is {shape}",
            help=f"end with a layer of that width: linear(x, {label.classes}), for any data linear(x, count(classes(label)))",
        )  # fmt: skip


def _probability(state: State, predicted: Column, span: Span) -> None:
    """`logloss` of what is no probability trains nothing: a warning, unless the prediction is sure to lie in 0..1."""
    predict, (key, *_) = _predict(state), predicted.node_ids() or [-1]
    if predict is None or key < 0 or state.bound is not None or state.schema.label.kind == "classes":
        return
    low, high = interval(state.builder.nodes, key, tuple(e.decision() for e in state.entries.values()))
    if low >= 0 and high <= 1:
        return
    place = predict.value.span
    ends = Span(place.source, place.start, place.start), Span(place.source, place.end, place.end)
    state.builder.report(
        "S0319", "`logloss` takes a probability, and this prediction may lie outside of 0..1", place, "any number",
        notes=(Note(span, "minimized here"),), help="squash it",
        edits=(Edit(ends[0], "sigmoid("), Edit(ends[1], ")")), warning=True,
    )  # fmt: skip


def _predict(state: State) -> ast.Predict | None:
    space = state.program.file.space
    return next((s for s in space.statements if isinstance(s, ast.Predict)), None) if space else None

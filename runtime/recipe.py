"""Recipes as plain data: what stands in `search { … }`, names and arithmetic worked out, options checked.

No torch here: `recspace check` reads recipes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recspace.compiler.promise import Promises
from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic
from recspace.dsl.source import Span

from .options import Schedule, check, unknown


@dataclass(frozen=True, slots=True)
class StageCall:
    """One stage, or what stands inside one: `relax(as = gate, optimizer = grda(c = auto))`.

    `options` has every option of the promise once it is checked (defaults filled in); `given` those that were written.
    `inner` are stages given by place: `stream(train())`. `spans`: where each written option stands.
    """

    name: str
    options: Mapping[str, Any]
    span: Span
    inner: tuple[StageCall, ...] = ()
    spans: Mapping[str, Span] = field(default_factory=dict)
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    stages: tuple[StageCall, ...]


def read(search: ast.Search, params: Mapping[str, Any], promises: Promises) -> tuple[Recipe, tuple[Diagnostic, ...]]:
    """The recipe and everything that is wrong with it; run it only if nothing is. `params`: values of the space's."""
    faults: list[Diagnostic] = []
    stages = []
    for stage in search.stages:
        call = _call(stage.name, stage.arguments, stage.span, stage.name_span, params)
        stages.append(checked(call, promises, faults, nested=False))
    return Recipe(search.name, tuple(stages)), tuple(faults)


def checked(call: StageCall, promises: Promises, faults: list[Diagnostic], *, nested: bool) -> StageCall:
    """The call with defaults filled in and calls inside it checked as well; faults are added to the list."""
    promise = promises.stages.get(call.name)
    if promise is None or (not nested and promise.role in INNER_ROLES):
        names = [n for n, p in promises.stages.items() if nested or p.role not in INNER_ROLES]
        faults.append(unknown("S0601", "stage", call.name, names, call.span))
        return call
    if promise.role == "relax":
        relaxation = promises.relaxations.get(str(call.options.get("as")))
        if relaxation is not None:
            promise = replace(promise, options=(*promise.options, *relaxation.options))
    found, wrong = check(call.options, promise, call.span, call.spans)
    faults += wrong
    calls = {option.name for option in promise.options if option.kind == "call"}
    for name, value in found.items():
        if isinstance(value, StageCall) and name in calls:
            found[name] = checked(value, promises, faults, nested=True)
    inner = tuple(checked(stage, promises, faults, nested=False) for stage in call.inner)
    if inner and not promise.wraps:
        faults.append(Diagnostic("S0602", f"{call.name}() wraps no other stage", inner[0].span, help="name the option"))
    return replace(call, options=found, inner=inner)


INNER_ROLES = frozenset({"optimizer", "controller", "evaluator"})
"""What only stands inside a stage."""


def _call(
    name: str, arguments: tuple[ast.Argument, ...], span: Span, name_span: Span, params: Mapping[str, Any]
) -> StageCall:
    options: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    inner = []
    for argument in arguments:
        if isinstance(argument, ast.Keyword):
            options[argument.name] = value_of(argument.value, params)
            spans[argument.name] = argument.span
        elif isinstance(argument, ast.Call) and isinstance(argument.function, ast.Name):
            inner.append(
                _call(argument.function.name, argument.arguments, argument.span, argument.function.span, params)
            )
        else:
            options[argument.span.text] = None
            spans[argument.span.text] = argument.span
    return StageCall(name, options, name_span if not arguments else span, tuple(inner), spans, frozenset(options))


def value_of(expr: ast.Expr | ast.Schedule, params: Mapping[str, Any]) -> Any:
    """An option as data: number, text, truth value, list, `Schedule`, `StageCall`; else the expression itself."""
    match expr:
        case ast.Number(value=value):
            return value
        case ast.String(value=text):
            return text
        case ast.Name(name="true" | "false" as word):
            return word == "true"
        case ast.Name(name=name):
            return params.get(name, name)
        case ast.ListOf(items=items) | ast.SetOf(items=items):
            return [value_of(item, params) for item in items]
        case ast.Schedule(start=start, end=end):
            ends = value_of(start, params), value_of(end, params)
            return Schedule(*ends) if all(isinstance(e, int | float) for e in ends) else expr
        case ast.Unary(operator="-", value=inner):
            value = value_of(inner, params)
            return -value if isinstance(value, int | float) else expr
        case ast.Binary():
            return _arithmetic(expr, params)
        case ast.Call(function=ast.Name(name=name, span=name_span)):
            return _call(name, expr.arguments, expr.span, name_span, params)
        case _:
            return expr


def _arithmetic(expr: ast.Binary, params: Mapping[str, Any]) -> Any:
    left, right = value_of(expr.left, params), value_of(expr.right, params)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return expr
    match expr.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if right:
            return left / right
        case _:
            return expr

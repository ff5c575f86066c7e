"""Statements as bodies: whose they are, the expressions in them, and what the calls in them are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recspace.dsl import ast
from recspace.dsl.sites import base_name, calls, component_paths, site_names


def owner(statement: ast.Statement) -> str:
    """What the calls in a statement are named after."""
    match statement:
        case ast.Param() | ast.Learn() | ast.Choose() | ast.Let() | ast.Search():
            return statement.name
        case ast.Require():
            return "require"
        case ast.Expect():
            return "expect"
        case ast.Predict():
            return "predict"
        case ast.Minimize():
            return "minimize"


def expressions(statement: ast.Statement) -> list[ast.Expr]:
    """The expressions that stand in a statement."""
    match statement:
        case ast.Param(value=value) | ast.Predict(value) | ast.Require(value) | ast.Expect(value):
            return [value]
        case ast.Let(index=index, value=value):
            return [*(b.domain for b in index), value]
        case ast.Choose(index=index, domain=domain, clauses=clauses):
            return [*(b.domain for b in index), domain, *(c.value for c in clauses)]
        case ast.Learn(index=index, shape=shape, initial=initial):
            return [*(b.domain for b in index), *(e for e in (shape, initial) if e is not None)]
        case ast.Minimize(values):
            return list(values)
        case ast.Search():
            return []


def sites(
    bodies: Iterable[tuple[str, list[ast.Expr]]], components: Mapping[str, ast.Component]
) -> dict[tuple[int, int], str]:
    """Names of all calls of one body; calls of components are counted over the whole body."""
    found: dict[tuple[int, int], str] = {}
    everything: list[ast.Expr] = []
    for owner, expressions in bodies:
        found |= site_names(owner, expressions)
        everything += expressions
    called = [c for c in calls(everything) if base_name(c.function) in components]
    return found | component_paths(called)

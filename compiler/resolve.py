"""The first pass: names, components, imports and families → nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Note
from recspace.dsl.suggest import nearest

from . import hiding
from .atoms import TooMany
from .bodies import expressions, owner, sites
from .builder import Builder, Failed
from .columns import Context
from .components import call_component
from .expressions import evaluate
from .ir import Graph
from .nesting import check_depth, room, too_many
from .ordering import definition, ends_first
from .outputs import outputs
from .promise import Promises
from .schema import Schema
from .scopes import SETS, Scope
from .state import Bound, Evaluate, State, Value
from .unknown import builtin_names


@dataclass(frozen=True, slots=True)
class Resolved:
    """The graph (None where there are errors), what was found, and the state for what is asked later (`expect`)."""

    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    state: State
    root: Context


def resolve(
    program: ast.Program, schema: Schema, promises: Promises, *, overrides: Mapping[str, Any] | None = None,
    bound: Bound | None = None,
) -> Resolved:  # fmt: skip
    """A space bound to data, as a graph. With `bound`, decisions are constants: that is how a model is derived."""
    space = program.file.space
    assert space is not None, "a file without a space has nothing to resolve"
    builder = Builder(schema, promises)
    state = State(program, schema, promises, builder, overrides or {}, bound)
    builder.entries = state.entries
    state.evaluate = _evaluator(state)
    state.call_component = lambda component, call, ctx, keys: call_component(state, component, call, ctx, keys)
    root = _space_scope(state, space)
    if bound is None:
        hiding.warn(state, space, (*builtin_names(), *promises.operators, *SETS))
    statements = space.statements
    with room():
        _definitions(state, root.scope, root)
        outputs(state, root, statements)
    found = tuple(builder.diagnostics.values())
    if any(d.severity == "error" for d in found):
        return Resolved(None, found, state, root)
    decisions = tuple(e.decision() for e in state.entries.values())
    return Resolved(Graph(space.name, builder.nodes, decisions, len(schema.fields)), found, state, root)


def _evaluator(state: State) -> Evaluate:
    """`evaluate`, with the expressions that wait for one another counted."""

    def counted(expr: ast.Expr, ctx: Context, labels: bool = False) -> Value:
        state.depth += 1
        try:
            check_depth(state, expr.span)
            return evaluate(state, expr, ctx, labels)
        except TooMany:
            raise too_many(state, expr.span) from None
        finally:
            state.depth -= 1

    return counted


def _space_scope(state: State, space: ast.Space) -> Context:
    definitions: dict[str, ast.Definition | ast.Param] = {}
    for statement in space.statements:
        if isinstance(statement, ast.Param | ast.Learn | ast.Choose | ast.Let):
            first = definitions.setdefault(statement.name, statement)
            if first is not statement:
                state.builder.report("S0107", f"`{statement.name}` is declared twice", statement.name_span, "again here",
                                     notes=(Note(first.name_span, "first here"),))  # fmt: skip
    bodies = [(owner(s), expressions(s)) for s in space.statements]
    components = state.program.components
    scope = Scope("", None, definitions, components, sites=sites(bodies, components))
    root = Context(1, scope)
    scope.base = root
    for name in state.overrides:
        if not isinstance(definitions.get(name), ast.Param):
            params = [n for n, d in definitions.items() if isinstance(d, ast.Param)]
            near = nearest(name, params)
            help = f"did you mean `{near}`?" if near else f"params: {', '.join(params) or 'none'}"
            state.builder.report("S0108", f"there is no param `{name}` to set", space.span, "not declared", help=help)
    return root


def _definitions(state: State, scope: Scope, root: Context) -> None:
    """Every definition, used or not, so that all errors show in one go."""
    ends_first(state, scope, root, scope.definitions)
    for name in scope.definitions:
        try:
            definition(state, scope, name, root)
        except Failed:
            continue

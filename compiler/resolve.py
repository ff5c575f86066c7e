"""The first pass: names, components, imports and families → nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Note
from recspace.dsl.sites import base_name, calls, component_paths, site_names

from . import hiding
from .builder import Builder, Failed
from .calls import builtin_names
from .columns import Column, Context
from .expressions import evaluate
from .families import family, resolve_rows
from .ir import Graph, Output, Ref, Rows
from .promise import Promises
from .schema import Schema
from .scopes import SETS, Scope
from .state import Bound, State, Value


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
    state.evaluate = lambda expr, ctx, labels=False: evaluate(state, expr, ctx, labels)
    state.call_component = lambda component, call, ctx: _call_component(state, component, call, ctx)
    root = _space_scope(state, space)
    if bound is None:
        hiding.warn(state, space, (*builtin_names(), *promises.operators, *SETS))
    statements = space.statements
    _definitions(state, root.scope, root)
    _output(state, root, statements)
    found = tuple(builder.diagnostics.values())
    if any(d.severity == "error" for d in found):
        return Resolved(None, found, state, root)
    decisions = tuple(e.decision() for e in state.entries.values())
    return Resolved(Graph(space.name, builder.nodes, decisions), found, state, root)


def _space_scope(state: State, space: ast.Space) -> Context:
    definitions: dict[str, ast.Definition | ast.Param] = {}
    for statement in space.statements:
        if isinstance(statement, ast.Param | ast.Learn | ast.Choose | ast.Let):
            first = definitions.setdefault(statement.name, statement)
            if first is not statement:
                state.builder.report("S0107", f"`{statement.name}` is declared twice", statement.name_span, "again here",
                                     notes=(Note(first.name_span, "first here"),))  # fmt: skip
    bodies = [(_owner(s), _expressions(s)) for s in space.statements]
    components = state.program.components
    scope = Scope("", None, definitions, components, sites=_sites(bodies, components))
    root = Context(1, scope)
    scope.base = root
    for name in state.overrides:
        if not isinstance(definitions.get(name), ast.Param):
            from recspace.dsl.suggest import nearest

            params = [n for n, d in definitions.items() if isinstance(d, ast.Param)]
            near = nearest(name, params)
            help = f"did you mean `{near}`?" if near else f"params: {', '.join(params) or 'none'}"
            state.builder.report("S0108", f"there is no param `{name}` to set", space.span, "not declared", help=help)
    return root


def _owner(statement: ast.Statement) -> str:
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


def _expressions(statement: ast.Statement) -> list[ast.Expr]:
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


def _sites(
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


def _definitions(state: State, scope: Scope, root: Context) -> None:
    """Every definition, used or not, so that all errors show in one go."""
    for name, statement in scope.definitions.items():
        try:
            if isinstance(statement, ast.Param):
                from .expressions import param

                param(state, statement, root)
                continue
            fam = family(state, scope, name)
            for step in sorted(set(fam.step_of)) if fam.axis is not None else [None]:
                resolve_rows(state, fam, step, statement.span)
        except Failed:
            continue


def _output(state: State, root: Context, statements: tuple[ast.Statement, ...]) -> None:
    _missing(state, statements)
    for predict in [s for s in statements if isinstance(s, ast.Predict)]:
        column = _column(state, predict.value, root)
        if column is not None:
            state.predicted = _predicted(state, column, root, predict)
    broken = state.predicted is None
    for statement in statements:
        match statement:
            case ast.Minimize(values):
                for value in values:
                    if not (broken and _needs_prediction(value)):
                        _objective(state, value, root)
            case ast.Require(condition):
                _constraint(state, condition, root)
            case _:
                pass


def _missing(state: State, statements: tuple[ast.Statement, ...]) -> None:
    """A space has one `predict` and one `minimize`; what could not be read has been reported already."""
    space = state.program.file.space
    assert space is not None
    for kind, name, example in (
        (ast.Predict, "predict", "predict sigmoid(linear(concat(e), 1))"),
        (ast.Minimize, "minimize", "minimize logloss"),
    ):
        if name not in state.program.broken and not any(isinstance(s, kind) for s in statements):
            said = f"this space has no `{name}`"
            state.builder.report("S0111", said, space.span, "missing", help=f"add a line such as: {example}")


def _needs_prediction(value: ast.Expr) -> bool:
    from recspace.dsl.walk import walk

    return any(isinstance(n, ast.Name) and n.name in ("logloss", "mse", "bpr", "softmax_loss") for n in walk(value))


def _column(state: State, expr: ast.Expr, ctx: Context) -> Column | None:
    try:
        return state.column(expr, ctx)
    except Failed:
        return None


def _predicted(state: State, column: Column, root: Context, statement: ast.Predict) -> Column | None:
    builder = state.builder
    try:
        column = builder.values(column, root, statement.value.span)
    except Failed:
        return None
    shape = builder.nodes[column.node_ids()[0]].shape
    classes = state.schema.label.classes if state.schema.label.kind == "classes" else 1
    if not (shape.kind == "number" or (shape.kind == "vector" and shape.last in (1, classes))):
        builder.report("S0315", f"a prediction is one number for an example, or one for each class, and this is {shape}",
                       statement.value.span, str(shape), help="bring it to one number: linear(x, 1)")  # fmt: skip
        return None
    node = Output(index=root.index(), shape=shape, phase="run", span=statement.span, place="predict", role="predict",
                  value=_ref(column), text=statement.value.span.text)  # fmt: skip
    builder.add(node)
    return column


def _ref(column: Column) -> Ref:
    return Ref(int(column.nodes[0]), Rows(column.rows))


def _objective(state: State, value: ast.Expr, root: Context) -> None:
    column = _column(state, value, root)
    if column is None:
        return
    column = state.builder.values(column, root, value.span)
    shape = state.builder.nodes[column.node_ids()[0]].shape
    if shape.kind != "number" and not (shape.kind == "vector" and shape.last == 1):
        state.builder.report("S0315", f"what is minimized is one number, and this is {shape}", value.span, str(shape))
        return
    phase = state.builder.nodes[column.node_ids()[0]].phase
    state.builder.add(Output(index=root.index(), phase=phase, span=value.span, place="minimize", role="objective",
                             value=_ref(column), text=value.span.text))  # fmt: skip


def _constraint(state: State, condition: ast.Expr, root: Context) -> None:
    column = _column(state, condition, root)
    if column is None:
        return
    if column.constant:
        if not column.atoms[0] and state.bound is not None:
            state.builder.report(
                "S0410",
                "an architecture that was to be compiled does not meet this requirement",
                condition.span,
                "not met",
                help="give decisions defaults that meet it (`default off`), since the hand-made model has to as well",
            )
        elif not column.atoms[0]:
            state.builder.report(
                "S0408", "nothing can meet this requirement", condition.span, "false whatever is chosen"
            )
        return
    node = state.builder.nodes[column.node_ids()[0]]
    if node.phase == "run":
        state.builder.report(
            "S0214",
            "a requirement is about the architecture, and this depends on the example",
            condition.span,
            "decided by each example",
        )
        return
    state.builder.add(Output(index=root.index(), phase="search", span=condition.span, place="require", role="constraint",
                             value=_ref(column), text=condition.span.text))  # fmt: skip


def _call_component(state: State, component: ast.Component, call: ast.Call, ctx: Context) -> Value:
    """Expand a component where it is called: a scope of its own over the calling context."""
    outer = ctx.scope
    name = base_name(call.function)
    path = outer.place(outer.sites.get((call.span.start, call.span.end), name))
    source = component.span.source.name
    components = state.program.scopes.get(source, state.program.components)
    bodies = [(d.name, _expressions(d)) for d in component.definitions] + [("", [component.result])]
    definitions = {d.name: d for d in component.definitions}
    arguments: dict[str, Any] = {}
    scope = Scope(path, None, definitions, components, arguments, _sites(bodies, components))
    inner = Context(ctx.n, scope, ctx, np.arange(ctx.n, dtype=np.int64))
    scope.base = inner
    given = _arguments(state, component, call)
    for parameter in component.parameters:
        if parameter.name in given:
            arguments[parameter.name] = state.evaluate(given[parameter.name], ctx)
        elif parameter.default is not None:
            arguments[parameter.name] = state.column(parameter.default, inner, labels=True)
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

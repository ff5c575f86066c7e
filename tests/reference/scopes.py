"""Names: scopes (the space, each call of a component), families, environments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from recspace.dsl import ast
from recspace.dsl.sites import Place, base_name, calls, component_paths, site_names
from recspace.dsl.walk import walk

from .values import Key

Named = ast.Let | ast.Learn | ast.Choose | ast.Param


@dataclass(frozen=True)
class Inline:
    """A decision inside an expression, with the binders around it."""

    node: ast.ChooseOne | ast.ChooseFrom
    index: tuple[ast.Binder, ...]
    owner: str

    @property
    def name(self) -> str:
        return self.node.name


class Scope:
    """The statements of the space, or one call of a component: `path`, `context` (the binders around the call) and
    `subscript`, the keys that each layer in it has before its own."""

    def __init__(
        self,
        path: str,
        context: Key,
        statements: tuple[Any, ...],
        components: dict[str, ast.Component],
        result: ast.Expr | None = None,
    ) -> None:
        self.path, self.context, self.components, self.statements, self.result = (
            path,
            context,
            components,
            statements,
            result,
        )
        self.arguments: dict[str, Thunk] = {}
        self.subscript: Key = ()
        self.names: dict[str, Named] = {s.name: s for s in statements if isinstance(s, Named)}
        self.inline: dict[str, Inline] = {}
        bodies = {id(s): parts(s) for s in statements}
        everything = [e for s in statements for e in bodies[id(s)]] + ([result] if result is not None else [])
        for s in statements:
            index = s.index if isinstance(s, ast.Let | ast.Learn | ast.Choose) else ()
            for e in bodies[id(s)]:
                _inline(e, index, owner(s), self.inline)
        if result is not None:
            _inline(result, (), "", self.inline)
        mine = [c for c in calls(everything) if base_name(c.function) in components]
        self.component_paths = component_paths(mine)
        self.sites: dict[str, dict[Place, str]] = {}
        for s in statements:
            self.sites.setdefault(owner(s), {}).update(site_names(owner(s), bodies[id(s)]))
        if result is not None:
            self.sites[""] = site_names("", [result])


def owner(statement: Any) -> str:
    return statement.name if isinstance(statement, Named) else type(statement).__name__.lower()


def parts(statement: Any) -> list[Any]:
    """The expressions of a statement, in the order of the text."""
    match statement:
        case ast.Let(index=index, value=value):
            return [b.domain for b in index] + [value]
        case ast.Learn(index=index, shape=shape, initial=initial):
            return [b.domain for b in index] + [e for e in (shape, initial) if e is not None]
        case ast.Choose(index=index, domain=domain, clauses=clauses):
            return [b.domain for b in index] + [domain] + [c.value for c in clauses]
        case ast.Param(value=value) | ast.Predict(value=value):
            return [value]
        case ast.Require(condition=condition) | ast.Expect(condition=condition):
            return [condition]
        case ast.Minimize(values=values):
            return list(values)
    return []


def _inline(node: Any, index: tuple[ast.Binder, ...], holder: str, found: dict[str, Inline]) -> None:
    """Collect the decisions in an expression together with the binders around each."""
    match node:
        case ast.Generator(value=value, fors=fors):
            here = index
            for f in fors:
                _inline(f.binder.domain, here, holder, found)
                here = (*here, f.binder)
                if f.condition is not None:
                    _inline(f.condition, here, holder, found)
            _inline(value, here, holder, found)
            return
        case ast.ChooseOne() | ast.ChooseFrom():
            found.setdefault(node.name, Inline(node, index, holder))
    for name in getattr(node, "__match_args__", ()):
        below = getattr(node, name)
        for child in below if isinstance(below, tuple) else (below,):
            if hasattr(child, "__match_args__"):
                _inline(child, index, holder, found)


@dataclass(frozen=True)
class Env:
    """Where an expression stands: its scope, what binders are bound to, the labels of their values, the statement."""

    scope: Scope
    locals: dict[str, Any] = field(default_factory=dict)
    key: Key = ()
    owner: str = ""

    def bound(self, names: dict[str, Any], labels: Key) -> Env:
        return replace(self, locals={**self.locals, **names}, key=(*self.key, *labels))


@dataclass(frozen=True)
class Known:
    """A value in the place of an expression."""

    value: Any


@dataclass(frozen=True)
class Thunk:
    """An argument: an expression in the environment of its caller."""

    value: ast.Expr
    env: Env


@dataclass(frozen=True, eq=False)
class Family:
    """A definition with an index, by its bare name."""

    scope: Scope
    definition: ast.Let | ast.Learn | ast.Choose | Inline


def holds_decision(node: Any, scope: Scope) -> bool:
    """Whether a decision stands in an expression, components expanded."""
    for below in walk(node):
        if isinstance(below, ast.ChooseOne | ast.ChooseFrom | ast.Choose):
            return True
        if isinstance(below, ast.Call) and base_name(below.function) in scope.components:
            component = scope.components[base_name(below.function)]
            inner = Scope("", (), component.definitions, scope.components, component.result)
            bodies = [*component.definitions, component.result, *(p.default for p in component.parameters if p.default)]
            if any(holds_decision(b, inner) for b in bodies):
                return True
    return False

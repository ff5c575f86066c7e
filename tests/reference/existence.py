"""Which decisions there are, under what others say."""

from __future__ import annotations

from typing import Any

from recspace.dsl import ast
from recspace.dsl.sites import base_name, joined

from .domains import Domain, Need
from .evaluate import Evaluator
from .scopes import Env, Scope, holds_decision
from .values import Chance, Choice, Refused


class Existence:
    """Walks the space element by element and notes every decision on the way. Raises Need where it must know one."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.found: dict[tuple[str, Any], Domain] = {}

    def space(self) -> None:
        self.statements(self.evaluator.space, ())

    def statements(self, scope: Scope, context: tuple[Any, ...]) -> None:
        for s in scope.statements:
            match s:
                case ast.Let(name=name, index=index, value=value):
                    if holds_decision(value, scope):
                        for env in self.index(index, Env(scope, key=context, owner=name)):
                            self.walk(value, env)
                case ast.Choose(name=name, index=index, domain=domain, clauses=clauses):
                    for env in self.index(index, Env(scope, key=context, owner=name)):
                        self.found[joined(scope.path, name), env.key] = self.evaluator.domain(domain, env)
                        self.clauses(clauses, env)
                case ast.Predict(value=value):
                    self.walk(value, Env(scope, key=context, owner="predict"))
                case ast.Minimize(values=values):
                    for v in values:
                        self.walk(v, Env(scope, key=context, owner="minimize"))
        if scope.result is not None:
            self.walk(scope.result, Env(scope, key=context))

    def index(self, binders: tuple[ast.Binder, ...], env: Env) -> list[Env]:
        return [here for here, _ in self.evaluator.rows([ast.For(b, None, b.span) for b in binders], env)]

    def clauses(self, clauses: tuple[ast.Clause, ...], env: Env) -> None:
        for c in clauses:
            self.walk(c.value, env)

    def truth(self, node: Any, env: Env) -> bool | None:
        """A condition of compile time or of decisions; None where it depends on the example."""
        try:
            found = self.evaluator.condition(node, env)
        except (Refused, TypeError):
            return None
        if isinstance(found, Chance):
            return bool(found.p) if isinstance(found.p, float) else None
        return bool(found)

    def walk(self, node: Any, env: Env) -> None:
        if not holds_decision(node, env.scope):
            return
        match node:
            case ast.ChooseFrom(name=name, domain=domain, clauses=clauses):
                self.found[joined(env.scope.path, name), env.key] = self.evaluator.domain(domain, env)
                self.clauses(clauses, env)
            case ast.ChooseOne(name=name, alternatives=alternatives, clauses=clauses):
                element = (joined(env.scope.path, name), env.key)
                domain = Domain("alternative", tuple(a.label for a in alternatives))
                self.found[element] = domain
                self.clauses(clauses, env)
                self.alternatives(alternatives, env, lambda: self.evaluator.decide(element, domain, (), env))
            case ast.Case(subject=subject, alternatives=alternatives):
                self.walk(subject, env)
                self.alternatives(alternatives, env, lambda: self.evaluator.eval(subject, env))
            case ast.Switch(value=value, condition=condition, otherwise=otherwise):
                self.walk(condition, env)
                if holds_decision(value, env.scope) or holds_decision(otherwise, env.scope):
                    truth = self.truth(condition, env)
                    for branch, label in ((value, True), (otherwise, False)):
                        if truth is None or truth is label:
                            self.walk(branch, env)
            case ast.Generator(value=value, fors=fors):
                self.generator(value, fors, env)
            case ast.Call():
                self.call(node, env)
            case _:
                for name in node.__match_args__:
                    below = getattr(node, name)
                    for child in below if isinstance(below, tuple) else (below,):
                        if hasattr(child, "__match_args__"):
                            self.walk(child, env)

    def alternatives(self, alternatives: tuple[ast.Alternative, ...], env: Env, subject: Any) -> None:
        if not any(holds_decision(a.value, env.scope) for a in alternatives):
            return
        try:
            found = subject()
        except Need:
            raise
        except (Refused, TypeError):
            found = None
        taken = self.evaluator.odds(found) if isinstance(found, Choice | Chance | bool | str | int | float) else None
        for a in alternatives:
            if taken is None or taken.get(a.label, 0.0) != 0.0:
                self.walk(a.value, env)

    def generator(self, value: Any, fors: tuple[ast.For, ...], env: Env) -> None:
        for f in fors:
            if holds_decision(f.binder.domain, env.scope):
                self.walk(f.binder.domain, env)
        for here, weight in self.evaluator.rows(fors, env):
            if not isinstance(weight, float) or weight != 0.0:
                self.walk(value, here)

    def call(self, node: ast.Call, env: Env) -> None:
        for argument in node.arguments:
            self.walk(argument.value if isinstance(argument, ast.Keyword) else argument, env)
        name = base_name(node.function)
        if name not in env.scope.components:
            return
        component = env.scope.components[name]
        path = joined(env.scope.path, env.scope.component_paths[node.span.start, node.span.end])
        scope = self.evaluator.instance(node, component, path, env)
        given = {*(a.name for a in node.arguments if isinstance(a, ast.Keyword))}
        positional = sum(not isinstance(a, ast.Keyword) for a in node.arguments)
        for parameter in component.parameters[positional:]:
            if parameter.default is not None and parameter.name not in given:
                self.walk(parameter.default, Env(scope, key=env.key))
        self.statements(scope, env.key)

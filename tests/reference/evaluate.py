"""Expressions, one element and one decision at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.compiler.schema import Schema
from recspace.dsl import ast
from recspace.dsl.sites import joined

from .calls import Calls
from .domains import Domain, Need, Reader, RealRange, Subsets, first
from .families import Families
from .logic import compare, conjunction, disjunction, negated
from .operators import matmul
from .scopes import Env, Family, Known, Scope
from .values import (
    Chance,
    Choice,
    Chosen,
    Element,
    FieldRef,
    Refused,
    Wide,
    arithmetic,
    branch,
    is_constant,
    label,
    like,
    merged,
    number,
)  # fmt: skip


class Evaluator(Calls, Families):
    """One way of reading decisions (`reader`), one batch. `hard`: alternatives not taken are not there."""

    def __init__(
        self,
        space: Scope,
        schema: Schema,
        reader: Reader,
        weights: Callable[..., np.ndarray],
        batch: Mapping[str, np.ndarray] | None,
        *,
        hard: bool,
        training: bool = False,
    ) -> None:
        self.space, self.schema, self.reader, self.weights, self.batch = space, schema, reader, weights, batch
        self.hard, self.training = hard, training
        self.memo: dict[Any, Any] = {}
        self.assumed: dict[Element, Any] = {}
        self.exploring = self.shapes_only = False

    # -- Expressions ---------------------------------------------------------------------------------------

    def eval(self, node: Any, env: Env) -> Any:
        match node:
            case ast.Number(value=value) | Known(value):
                return value
            case ast.Name(name):
                return self.name(name, env)
            case ast.String(value):
                return FieldRef(value) if any(f.name == value for f in self.schema.fields) else value
            case ast.ListOf(items) | ast.SetOf(items):
                return tuple(self.eval(i, env) for i in items)
            case ast.Comprehension(generator):
                return self.comprehension(generator, env)
            case ast.Binary(operator, left, right):
                return self.binary(operator, left, right, env)
            case ast.Unary("-", value):
                return arithmetic("*", -1, self.eval(value, env))
            case ast.Unary(_, value):
                return negated(self.condition(value, env))
            case ast.Switch(value, condition, otherwise):
                truth = self.condition(condition, env)
                p = truth.p if isinstance(truth, Chance) else float(bool(truth))
                known = not isinstance(truth, Chance)
                return self.select(env, node, [(True, p, value), (False, arithmetic("-", 1.0, p), otherwise)], known)
            case ast.Case(subject, alternatives):
                odds = self.odds(self.eval(subject, env))
                return self.select(env, node, [(a.label, odds.get(a.label, 0.0), a.value) for a in alternatives])
            case ast.ChooseOne() | ast.ChooseFrom():
                return self.inline(node, env)
            case ast.Subscript(value, slots):
                return self.subscript(value, slots, env)
            case ast.Call():
                return self.call(node, env)
        raise Refused(f"{type(node).__name__} is no expression")

    def comprehension(self, generator: ast.Generator, env: Env) -> tuple[Any, ...]:
        rows = list(self.rows(generator.fors, env))
        if any(not isinstance(w, float) or (w != 1.0 and not (self.hard or self.exploring)) for _, w in rows):
            raise Refused("a list whose length a decision settles")
        return tuple(self.eval(generator.value, here) for here, w in rows if w == 1.0)

    def binary(self, operator: str, left: Any, right: Any, env: Env) -> Any:
        match operator:
            case "and" | "or":
                a, b = self.condition(left, env), self.condition(right, env)
                return conjunction(a, b) if operator == "and" else disjunction(a, b)
        a, b = self.eval(left, env), self.eval(right, env)
        match operator:
            case "..":
                if isinstance(a, int) and isinstance(b, int):
                    return tuple(range(a, b + 1))
                return RealRange(a, b)
            case "in":
                if isinstance(b, Chosen):
                    return Chance({label(m): p for m, p in b.members}.get(label(a), 0.0))
                return a in b
            case "@":
                return matmul(a, b)
            case "-" if isinstance(a, tuple) and isinstance(b, tuple):
                return tuple(x for x in a if x not in b)
            case "+" | "-" | "*" | "/" | "^":
                return arithmetic(operator, a, b)
        return compare(operator, a, b)

    def condition(self, node: Any, env: Env) -> Any:
        """bool, or a Chance."""
        x = self.eval(node, env)
        if is_constant(x):
            return bool(x)
        return x if isinstance(x, Chance) else Chance(number(x))

    def odds(self, subject: Any) -> dict[Any, Any]:
        """Label → probability, of what a case selects by."""
        match subject:
            case Choice(options):
                return dict(options)
            case Chance(p):
                return {"off": arithmetic("-", 1.0, p), "on": p}
            case bool():
                return {"off": float(not subject), "on": float(subject)}
        return {subject: 1.0}

    def select(self, env: Env, node: Any, weighted: list[tuple[Any, Any, Any]], known: bool = False) -> Any:
        """The expectation over alternatives (option, p, expression); the one taken where that is certain."""
        certain = all(isinstance(p, float) and p in (0.0, 1.0) for _, p, _ in weighted)
        if known or (certain and (self.hard or self.exploring)):
            taken = next((x for _, p, x in weighted if p == 1.0), None)
            if taken is None:
                raise Refused("no alternative is taken")
            value = self.eval(taken, env)
            if is_constant(value) and not self.exploring and self.batch is not None:
                return self.in_shape_of([x for _, _, x in weighted if x is not taken], env, value)
            return value if known else merged(value) if not isinstance(value, Family) else value
        impossible = (0.0,) if self.hard else ()
        values = [
            (option, p, self.eval(x, env))
            for option, p, x in weighted
            if not (isinstance(p, float) and p in impossible)
        ]
        return branch(("", (node.span.start, *env.key)), values)

    def in_shape_of(self, siblings: list[Any], env: Env, value: float) -> Any:
        """A constant alternative takes its siblings' shape."""
        for sibling in siblings:
            try:
                other = self.shape_of(sibling, env)
            except (Refused, Need, KeyError, RecursionError):
                continue
            if not is_constant(other) and not isinstance(other, str | Choice | Chance):
                return like(other, value)
        return value

    def shape_of(self, node: Any, env: Env) -> Any:
        """The value with zeros for weights: only its shape counts."""
        with self.aside():
            self.shapes_only = True
            return self.eval(node, env)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Evaluate something under other assumptions, without remembering it; which families are being asked for their
        kind stays known, as blocks that refer to one another would else ask without end."""
        kept = self.memo, self.assumed, self.exploring, self.shapes_only, self.reader
        self.memo = {key: True for key in self.memo if key[0] == "kind"}
        try:
            yield
        finally:
            self.memo, self.assumed, self.exploring, self.shapes_only, self.reader = kept

    def explore(self, compute: Callable[[], Any]) -> Any:
        """A compile-time value that decisions may settle: itself, or Wide over the decisions that it reads."""
        keys: list[Element] = []
        odds: dict[Element, tuple[tuple[Any, Any], ...]] = {}
        while True:
            table: dict[tuple[Any, ...], Any] = {}
            try:
                for options in itertools.product(*([o for o, _ in odds[k]] for k in keys)):
                    with self.aside():
                        self.exploring = True
                        self.assumed = {**self.assumed, **dict(zip(keys, options, strict=True))}
                        table[options] = compute()
            except Need as need:
                if need.element in odds:
                    raise
                keys.append(need.element)
                odds[need.element] = need.odds
                continue
            return Wide(tuple(keys), odds, table) if keys else table[()]

    # -- Decisions -----------------------------------------------------------------------------------------

    def inline(self, node: ast.ChooseOne | ast.ChooseFrom, env: Env) -> Any:
        scope = env.scope
        element = (joined(scope.path, node.name), env.key)
        if isinstance(node, ast.ChooseFrom):
            return self.decide(element, self.domain(node.domain, env), node.clauses, env)
        labels = tuple(a.label for a in node.alternatives)
        subject = self.decide(element, Domain("alternative", labels), node.clauses, env)
        odds = self.odds(subject)
        return self.select(env, node, [(a.label, odds.get(a.label, 0.0), a.value) for a in node.alternatives])

    def domain(self, node: Any, env: Env) -> Domain:
        match node:
            case ast.SetOf(items) if all(isinstance(i, ast.Name) for i in items):
                options = tuple(self.label_or_constant(i.name, env) for i in items)
            case _:
                options = self.eval(node, env)
        match options:
            case RealRange(low, high):
                return Domain("real", (), low, high)
            case Subsets(members, low, high):
                return Domain("subset", members, low, high)
        if not options:
            raise Refused("an empty domain")
        if set(options) == {"off", "on"} and len(options) == 2:
            return Domain("gate", ("off", "on"))
        return Domain("number" if is_constant(options[0]) else "name", options)

    def label_or_constant(self, name: str, env: Env) -> Any:
        declared = name in env.locals or name in env.scope.arguments or name in env.scope.names
        return self.name(name, env) if declared else name

    def decide(self, element: Element, domain: Domain, clauses: tuple[ast.Clause, ...], env: Env) -> Any:
        if element in self.assumed:
            return self.assumed[element]
        logits = None
        given = next((c for c in clauses if isinstance(c, ast.Given)), None)
        if given is not None and self.batch is not None and not self.exploring:
            n = 1 if domain.kind == "gate" else len(domain.options)
            logits = self.eval(given.value, replace(env, locals={**env.locals, "logits": n}))
        try:
            found = self.reader(element, domain, logits)
        except KeyError:
            if not self.shapes_only and not self.exploring:
                raise
            found = first(domain)
        if self.exploring:
            raise Need(element, self.options_of(found, domain))
        return found

    def options_of(self, found: Any, domain: Domain) -> tuple[tuple[Any, Any], ...]:
        """Every option with its probability, those not taken too: which widths depend on what must not change."""
        match found:
            case Choice(options):
                return tuple((o, dict(options).get(o, 0.0)) for o in domain.options)
            case Chance(p):
                return ((False, arithmetic("-", 1.0, p)), (True, p))
        raise Refused("this decision cannot settle a width")

    def possible(self, x: Any) -> Any:
        """In a derived model a Wide has the one width that was chosen."""
        if not self.hard or not isinstance(x, Wide):
            return x
        odds = {k: tuple((o, p) for o, p in x.odds[k] if not (isinstance(p, float) and p == 0.0)) for k in x.keys}
        kept = [{o for o, _ in odds[k]} for k in x.keys]
        table = {o: v for o, v in x.table.items() if all(a in b for a, b in zip(o, kept, strict=True))}
        return Wide(x.keys, odds, table)

"""Expressions, one element and one decision at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recspace.compiler.schema import Schema
from recspace.dsl import ast
from recspace.dsl.sites import base_name, joined

from .calls import Calls
from .scopes import Env, Family, Inline, Scope, Thunk
from .values import (
    Chance, Choice, Chosen, Element, FieldRef, Ids, Key, Refused, Sequence, ValueRef, Wide, arithmetic, branch, compare,
    conjunction, disjunction, is_constant, label, like, lift, merged, mix, negated, number, total,
)  # fmt: skip
from .operators import matmul


class Need(Exception):
    """A decision must be known to go on. `odds`: its options and their probabilities."""

    def __init__(self, element: Element, odds: tuple[tuple[Any, Any], ...]) -> None:
        self.element, self.odds = element, odds


@dataclass(frozen=True)
class Domain:
    """options of a decision; for a subset the members, of which `low`..`high` are taken; a real has none."""

    kind: str
    options: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0


@dataclass(frozen=True)
class RealRange:
    low: float
    high: float


@dataclass(frozen=True)
class Subsets:
    """`subset(S, a..b)` as a domain."""

    members: tuple[Any, ...]
    low: int
    high: int


Reader = Callable[[Element, Domain, Any], Any]
"""(element, domain, logits) → Chance, Choice, Chosen or a real number. Raises Need or KeyError where it has no answer."""


class Evaluator(Calls):
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
            case ast.Number(value=value):
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
                return arithmetic("-", 0, self.eval(value, env))
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
                    return Chance(dict((label(m), p) for m, p in b.members).get(label(a), 0.0))
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
            (option, p, self.eval(x, env)) for option, p, x in weighted if not (isinstance(p, float) and p in impossible)
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
        """Evaluate something under other assumptions, without remembering it."""
        kept = self.memo, self.assumed, self.exploring, self.shapes_only, self.reader
        self.memo = {}
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
            found = _first(domain)
        if self.exploring:
            raise Need(element, self.options_of(found, domain))
        return found

    def options_of(self, found: Any, domain: Domain) -> tuple[tuple[Any, Any], ...]:
        """Every option with its probability, those that are not taken too: which widths depend on what must not change."""
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

    # -- Names and families --------------------------------------------------------------------------------

    def name(self, name: str, env: Env) -> Any:
        scope = env.scope
        if name in env.locals:
            return env.locals[name]
        if name in scope.arguments:
            thunk = scope.arguments[name]
            return self.remembered(("argument", scope, name), lambda: self.eval(thunk.value, thunk.env))
        if name in scope.names:
            definition = scope.names[name]
            if isinstance(definition, ast.Param):
                return self.remembered(("param", name), lambda: self.eval(definition.value, Env(scope, owner=name)))
            if definition.index:
                return Family(scope, definition)
            return self.element(Family(scope, definition), ())
        if name in scope.inline:
            family = Family(scope, scope.inline[name])
            return family if family.definition.index else self.element(family, ())
        return self.builtin(name, env)

    def remembered(self, key: Any, compute: Callable[[], Any]) -> Any:
        if key not in self.memo:
            self.memo[key] = compute()
        return self.memo[key]

    def home(self, family: Family) -> Env:
        definition = family.definition
        name = definition.owner if isinstance(definition, Inline) else definition.name
        return Env(family.scope, key=family.scope.context, owner=name)

    def elements(self, family: Family) -> list[tuple[Key, Key]]:
        """The values and the labels of every element's index."""
        found = []
        for env, weight in self.rows([ast.For(b, None, b.span) for b in family.definition.index], self.home(family)):
            if weight != 1.0:
                raise Refused("a family cannot be indexed by a decision")
            found.append((tuple(env.locals.values()), env.key[len(family.scope.context) :]))
        return found

    def position(self, family: Family, slots: Key) -> Env:
        """Bind the names of a family's index to some values, unordered pairs in either order."""
        env, rest = self.home(family), list(slots)
        for binder in family.definition.index:
            names, domain = binder.names.names, self.eval(binder.domain, env)
            values, rest = rest[: len(names)], rest[len(names) :]
            if any(v not in domain for v in values):
                raise Refused(f"{family.definition.name}[{', '.join(str(label(v)) for v in slots)}] is not there")
            if isinstance(binder.names, ast.Ordered | ast.OrderedOrEqual):
                values.sort(key=domain.index)
                if isinstance(binder.names, ast.Ordered) and values[0] == values[1]:
                    raise Refused(f"{family.definition.name} has no pair of one element with itself")
            env = env.bound(dict(zip(names, values, strict=True)), tuple(label(v) for v in values))
        if rest:
            raise Refused(f"too many subscripts for {family.definition.name}")
        return env

    def element(self, family: Family, slots: Key) -> Any:
        env = self.position(family, slots)
        key = (family.scope, family.definition.name, env.key)
        return self.remembered(key, lambda: self.family_pooled(family, env, self.fresh(family, env)))

    def fresh(self, family: Family, env: Env) -> Any:
        match family.definition:
            case ast.Let(value=value):
                return self.eval(value, env)
            case ast.Learn(name=name, shape=shape):
                dims = () if shape is None else self.eval(shape, env)
                dims = dims if isinstance(dims, tuple) else (dims,)
                layer = self.layer(joined(env.scope.path, name), env.key[len(env.scope.context) :])
                return layer.weight("value", dims)[None]
            case ast.Choose(name=name, domain=domain, clauses=clauses):
                element = (joined(env.scope.path, name), env.key)
                return self.decide(element, self.domain(domain, env), clauses, env)
            case Inline(node=node):
                options = (
                    self.domain(node.domain, env) if isinstance(node, ast.ChooseFrom)
                    else Domain("alternative", tuple(a.label for a in node.alternatives))
                )  # fmt: skip
                return self.decide((joined(env.scope.path, node.name), env.key), options, node.clauses, env)
        raise Refused("no family")

    def family_pooled(self, family: Family, env: Env, value: Any) -> Any:
        """A sequence is pooled where other elements of its family are vectors."""
        if not isinstance(value, Sequence) or not isinstance(family.definition, ast.Let):
            return value
        if ("kind", family.scope, family.definition.name) in self.memo:
            return value
        with self.aside():
            self.shapes_only = True
            self.memo["kind", family.scope, family.definition.name] = True
            others = [self.element(family, v) for v, _ in self.elements(family)]
        return value if all(isinstance(o, Sequence) for o in others) else value.pooled()

    def subscript(self, value: Any, slots: tuple[Any, ...], env: Env) -> Any:
        whole = self.eval(value, env)
        keys = [s if isinstance(s, ast.All) else self.eval(s, env) for s in slots]
        return self.read(whole, keys, (value.span.start, *env.key))

    def read(self, whole: Any, keys: list[Any], place: Key) -> Any:
        """One element, after every subscript that is not settled has been taken apart."""
        for k, slot in enumerate(keys):
            if isinstance(slot, Choice):
                values = [(o, p, self.read(whole, [*keys[:k], o, *keys[k + 1 :]], place)) for o, p in slot.options]
                if self.hard and len(values) == 1:
                    return values[0][2]
                return branch(("", place), values)
            if isinstance(slot, Ids):
                return self.looked_up(whole, keys, k, slot, place)
            if isinstance(slot, ast.All):
                along = self.axis(whole, keys, k)
                return tuple(self.read(whole, [*keys[:k], v, *keys[k + 1 :]], place) for v in along)
        if isinstance(whole, Family):
            return self.element(whole, tuple(keys))
        if isinstance(whole, tuple):
            if not 1 <= keys[0] <= len(whole):
                raise Refused(f"a list of {len(whole)} has no element {keys[0]}")
            return whole[keys[0] - 1]
        return lift(lambda v: v[:, keys[0] - 1], merged(number(whole)))

    def axis(self, family: Any, keys: list[Any], k: int) -> tuple[Any, ...]:
        """What `:` in place k of a subscript runs over."""
        if not isinstance(family, Family):
            raise Refused("`:` needs a family")
        env, at = self.home(family), 0
        for binder in family.definition.index:
            names = binder.names.names
            domain = self.eval(binder.domain, env)
            if at <= k < at + len(names):
                return domain
            values = [ValueRef("", 1) if isinstance(v, Ids) else v for v in keys[at : at + len(names)]]
            env = env.bound(dict(zip(names, values, strict=True)), ())
            at += len(names)
        raise Refused("too many subscripts")

    def looked_up(self, whole: Any, keys: list[Any], k: int, slot: Ids, place: Key) -> Any:
        """A family read by the value or block that each example has: Σ over ids of [id is this one] · element."""
        weighted = []
        for v in sorted({int(i) for i in slot.ids.flat if i >= 0}):
            here = (slot.ids == v).astype(float)
            indicator = here if here.ndim == 1 else Sequence(here, slot.ids >= 0, slot.pool)
            key = ValueRef(slot.field, v) if slot.field else v
            if v == 0 and slot.field:
                with self.aside():
                    self.reader = _unseen
                    found = self.read(whole, [*keys[:k], ValueRef(slot.field, 1), *keys[k + 1 :]], place)
                weighted.append((indicator, found))
            else:
                weighted.append((indicator, self.read(whole, [*keys[:k], key, *keys[k + 1 :]], place)))
        return _gathered(weighted)

    # -- Binders -------------------------------------------------------------------------------------------

    def rows(self, fors: Any, env: Env) -> Iterator[tuple[Env, Any]]:
        """Every combination of some binders that passes the filters, with its weight: 1.0, or what decisions say.

        A combination that decisions exclude is there with the weight 0.0.
        """
        if not fors:
            yield env, 1.0
            return
        first, rest = fors[0], fors[1:]
        names = first.binder.names.names
        domain = self.eval(first.binder.domain, env)
        if isinstance(domain, Chosen):
            values = [((m,), p) for m, p in domain.members]
        else:
            values = [(v, 1.0) for v in combinations(first.binder.names, domain)]
        for value, weight in values:
            here = env.bound(dict(zip(names, value, strict=True)), tuple(label(v) for v in value))
            if first.condition is not None:
                truth = self.condition(first.condition, here)
                if truth is False:
                    continue
                weight = weight if truth is True else arithmetic("*", weight, truth.p)
            for inner, w in self.rows(rest, here):
                yield inner, arithmetic("*", weight, w)


def combinations(names: ast.Names, domain: tuple[Any, ...]) -> Iterator[Key]:
    match names:
        case ast.Each(names=n):
            return itertools.product(domain, repeat=len(n))
        case ast.Ordered():
            return itertools.combinations(domain, 2)
        case ast.OrderedOrEqual():
            return itertools.combinations_with_replacement(domain, 2)
    raise Refused("binder")


def _first(domain: Domain) -> Any:
    """Any option, where only the shape counts."""
    match domain.kind:
        case "gate":
            return Chance(1.0)
        case "subset":
            return Chosen(tuple((m, 1.0 if k < max(domain.low, 1) else 0.0) for k, m in enumerate(domain.options)))
        case "real":
            return domain.low
    return Choice(((domain.options[0], 1.0),))


def _unseen(element: Element, domain: Domain, logits: Any) -> Any:
    """A value never seen has its gates off and its smallest width."""
    match domain.kind:
        case "gate":
            return Chance(0.0)
        case "number":
            return Choice(((min(domain.options), 1.0),))
    raise Refused(f"a value never seen has nothing in {element[0]}")


def _gathered(weighted: list[tuple[Any, Any]]) -> Any:
    values = [x for _, x in weighted]
    if all(isinstance(x, tuple) for x in values):
        return tuple(_gathered([(p, x[k]) for p, x in weighted]) for k in range(len(values[0])))
    if all(isinstance(x, Choice) for x in values):
        odds: dict[Any, Any] = {}
        for p, x in weighted:
            for option, q in x.options:
                odds[option] = arithmetic("+", odds.get(option, 0.0), arithmetic("*", p, q))
        return Choice(tuple(odds.items()))
    return mix(weighted)

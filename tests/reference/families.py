"""Families: their elements, subscripts, binders."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from recspace.dsl import ast
from recspace.dsl.sites import joined

from .domains import Domain, unseen
from .scopes import Env, Family, Inline
from .values import (
    Choice,
    Chosen,
    Ids,
    Key,
    Position,
    Refused,
    Sequence,
    ValueRef,
    Wide,
    arithmetic,
    branch,
    label,
    lift,
    merged,
    mix,
    number,
    pooled,
)


class Families:
    """The part of the evaluator that reads definitions by name and index."""

    # -- Names and families --------------------------------------------------------------------------------

    def name(self: Any, name: str, env: Env) -> Any:
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

    def remembered(self: Any, key: Any, compute: Callable[[], Any]) -> Any:
        if key not in self.memo:
            self.memo[key] = compute()
        return self.memo[key]

    def home(self: Any, family: Family) -> Env:
        definition = family.definition
        name = definition.owner if isinstance(definition, Inline) else definition.name
        return Env(family.scope, key=family.scope.context, owner=name)

    def elements(self: Any, family: Family) -> list[tuple[Key, Key]]:
        """The values and the labels of every element's index."""
        found = []
        for env, weight in self.rows([ast.For(b, None, b.span) for b in family.definition.index], self.home(family)):
            if weight != 1.0:
                raise Refused("a family cannot be indexed by a decision")
            found.append((tuple(env.locals.values()), env.key[len(family.scope.context) :]))
        return found

    def position(self: Any, family: Family, slots: Key) -> Env:
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

    def element(self: Any, family: Family, slots: Key) -> Any:
        env = self.position(family, slots)
        key = (family.scope, family.definition.name, env.key)
        return self.remembered(key, lambda: self.family_pooled(family, env, self.fresh(family, env)))

    def fresh(self: Any, family: Family, env: Env) -> Any:
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

    def family_pooled(self: Any, family: Family, env: Env, value: Any) -> Any:
        """A sequence is pooled where other elements of its family are vectors."""
        if not _is_sequence(value) or not isinstance(family.definition, ast.Let):
            return value
        if ("kind", family.scope, family.definition.name) in self.memo:
            return value
        with self.aside():
            self.shapes_only = True
            self.memo["kind", family.scope, family.definition.name] = True
            others = [self.element(family, v) for v, _ in self.elements(family)]
        return value if all(_is_sequence(o) for o in others) else pooled(value)

    def subscript(self: Any, value: Any, slots: tuple[Any, ...], env: Env) -> Any:
        whole = self.eval(value, env)
        keys = [s if isinstance(s, ast.All) else self.eval(s, env) for s in slots]
        return self.read(whole, keys, (value.span.start, *env.key))

    def read(self: Any, whole: Any, keys: list[Any], place: Key) -> Any:
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
        if isinstance(whole, Sequence) and isinstance(keys[0], Position):
            return whole.data[:, keys[0]]
        return lift(lambda v: v[:, keys[0] - 1], merged(number(whole)))

    def axis(self: Any, family: Any, keys: list[Any], k: int) -> tuple[Any, ...]:
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

    def looked_up(self: Any, whole: Any, keys: list[Any], k: int, slot: Ids, place: Key) -> Any:
        """A family read by the value or block that each example has: Σ over ids of [id is this one] · element."""
        weighted = []
        for v in sorted({int(i) for i in slot.ids.flat if i >= 0}):
            here = (slot.ids == v).astype(float)
            indicator = here if here.ndim == 1 else Sequence(here, slot.ids >= 0, slot.pool)
            key = ValueRef(slot.field, v) if slot.field else v
            if v == 0 and slot.field:
                with self.aside():
                    self.reader = unseen
                    found = self.read(whole, [*keys[:k], ValueRef(slot.field, 1), *keys[k + 1 :]], place)
                weighted.append((indicator, found))
            else:
                weighted.append((indicator, self.read(whole, [*keys[:k], key, *keys[k + 1 :]], place)))
        return _gathered(weighted)

    # -- Binders -------------------------------------------------------------------------------------------

    def rows(self: Any, fors: Any, env: Env) -> Iterator[tuple[Env, Any]]:
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


def _is_sequence(x: Any) -> bool:
    return isinstance(next(iter(x.table.values())) if isinstance(x, Wide) else x, Sequence)


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

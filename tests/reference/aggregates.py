"""Aggregates over generators, families and the elements of a value."""

from __future__ import annotations

from typing import Any

import numpy as np

from recspace.dsl import ast

from . import blocks, operators
from .scopes import Env, Family
from .values import (
    Chance,
    Choice,
    Chosen,
    Joined,
    Key,
    Refused,
    Sequence,
    Wide,
    arithmetic,
    as_vector,
    elementwise,
    is_constant,
    label,
    lift,
    like,
    merged,
    number,
    plain,
    pooled,
    settled,
    total,
    width_of,
)


class Aggregates:
    """The part of the evaluator that sums up."""

    def call_count(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        if isinstance(value, Chosen):
            weight = total(p for _, p in value.members)
            return Choice(((int(weight), 1.0),)) if self.hard or self.exploring else weight
        return len(self.elements(value)) if isinstance(value, Family) else len(value)

    def call_l0(self: Any, args: Any, options: Any, env: Env) -> Any:
        if not isinstance(self.eval(args[0], env), Family):
            return number(self.eval(args[0], env))
        gates = [number(self.element(self.eval(args[0], env), k)) for k, _ in self.elements(self.eval(args[0], env))]
        return arithmetic("/", total(gates), max(len(gates), 1))

    def call_diversity(self: Any, args: Any, options: Any, env: Env) -> Any:
        family = self.eval(args[0], env)
        return blocks.diversity([as_vector(plain(self.element(family, k))) for k, _ in self.elements(family)])

    def call_l2(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        each = [self.element(value, k) for k, _ in self.elements(value)] if isinstance(value, Family) else [value]
        return operators.mean_square(each)

    # -- Aggregates ----------------------------------------------------------------------------------------

    def aggregate(self: Any, name: str, args: list[Any], env: Env) -> Any:
        items: list[tuple[Key, Any, Any]] = []
        dropped: list[Any] = []
        for k, arg in enumerate(args):
            prefix = (k,) if len(args) > 1 else ()
            if isinstance(arg, ast.Generator):
                for here, weight in self.rows(arg.fors, env):
                    if (self.hard or self.exploring) and isinstance(weight, float) and weight == 0.0:
                        dropped.append((arg.value, here))
                        continue
                    items.append((prefix + here.key[len(env.key) :], weight, self.eval(arg.value, here)))
                continue
            value = self.eval(arg, env)
            if isinstance(value, Family):
                items += [(prefix + labels, 1.0, self.element(value, v)) for v, labels in self.elements(value)]
            elif isinstance(value, tuple):
                items += [((*prefix, i), 1.0, v) for i, v in enumerate(value)]
            elif isinstance(value, Chosen):
                items += [((*prefix, label(m)), p, m) for m, p in value.members if p != 0.0]
            elif len(args) > 1 or name in ("concat", "stack"):
                items.append((prefix, 1.0, value))
            else:
                return _along(name, value)
        result = _combined(name, items, self.hard or self.exploring)
        if dropped and not items and self.batch is not None and name in ("sum", "mean", "product"):
            return like(self.shape_of(*dropped[0]), 1.0 if name == "product" else 0.0)
        if dropped and not items and self.batch is not None and name == "concat":
            other = merged(self.shape_of(*dropped[0]))
            if isinstance(other, np.ndarray) and other.ndim == 3:
                return Joined((((), other[:, :0]),), matrix=True)
        return result


def _combined(name: str, items: list[tuple[Key, Any, Any]], hard: bool) -> Any:
    """One aggregate over weighted elements (path, weight, value)."""
    certain = all(isinstance(w, float) and w == 1.0 for _, w, _ in items)
    pairs = [(w, v) for _, w, v in items]
    match name:
        case "sum":
            return total(_weighted(w, v) for w, v in pairs)
        case "mean":
            share = total(w for w, _ in pairs)
            share = max(share, 1.0) if is_constant(share) else elementwise(np.maximum, share, 1.0)
            return arithmetic("/", total(_weighted(w, v) for w, v in pairs), share) if pairs else 0
        case "product":
            result: Any = 1
            for w, v in pairs:
                one = (
                    v if isinstance(w, float) and w == 1.0 else arithmetic("+", arithmetic("-", 1, w), _weighted(w, v))
                )
                result = arithmetic("*", result, one)
            return result
        case "any":
            rest: Any = 1.0
            for w, v in pairs:
                rest = arithmetic("*", rest, arithmetic("-", 1, _weighted(w, v)))
            return _truth(arithmetic("-", 1, rest), [v for _, v in pairs])
        case "all":
            share = 1.0
            for w, v in pairs:
                share = arithmetic("*", share, arithmetic("-", 1, _weighted(w, arithmetic("-", 1, number(v)))))
            return _truth(share, [v for _, v in pairs])
        case "max" | "min":
            return _extreme(name, [v for _, v in pairs], certain)
        case "concat":
            return _concat(items)
        case _:
            return _stack(items)


def _weighted(w: Any, v: Any) -> Any:
    return number(v) if isinstance(w, float) and w == 1.0 and not isinstance(v, Joined) else arithmetic("*", w, v)


def _truth(share: Any, values: list[Any]) -> Any:
    return bool(share) if all(isinstance(v, bool) for v in values) else Chance(share)


def _extreme(name: str, values: list[Any], certain: bool) -> Any:
    values = [v.options[0][0] if isinstance(v, Choice) and len(v.options) == 1 else v for v in values]
    if not certain or any(isinstance(v, Choice) for v in values):
        raise Refused(f"{name} is not safe under a relaxation")
    if not values:
        raise Refused(f"{name} of nothing")
    if all(is_constant(v) for v in values):
        return max(values) if name == "max" else min(values)
    result, function = values[0], np.maximum if name == "max" else np.minimum
    for v in values[1:]:
        result = lift(lambda a, b: elementwise(function, a, b), plain(result), plain(v))
    return result


def _concat(items: list[tuple[Key, Any, Any]]) -> Any:
    found: list[tuple[Key, Any]] = []
    matrix = False
    for path, w, v in items:
        if not (isinstance(w, float) and w == 1.0):
            v = arithmetic("*", w, v)
        if isinstance(v, Joined):
            matrix |= v.matrix
            found += [(path + inner, part) for inner, part in v.parts]
            continue
        part = pooled(v)
        if isinstance(part, np.ndarray) and part.ndim == 3:
            matrix = True
        found.append((path, lift(lambda a: a if isinstance(a, np.ndarray) and a.ndim == 3 else as_vector(a), part)))
    return Joined(tuple(found), matrix)


def _stack(items: list[tuple[Key, Any, Any]]) -> Any:
    found = [(path, lift(lambda a: as_vector(a)[:, None, :], pooled(arithmetic("*", w, v)))) for path, w, v in items]
    return merged(Joined(tuple(found), matrix=True))


def _along(name: str, value: Any) -> Any:
    """An aggregate over the elements of one value: numbers of a vector, rows of a matrix, places of a sequence."""
    value = merged(number(value))
    if isinstance(value, Wide):  # each candidate has elements of its own
        found = lift(lambda v: _along(name, v), value)
        return settled(found) if len({width_of(v) for v in found.table.values()}) == 1 else found
    x = plain(value)
    if isinstance(x, Sequence):
        places = [(x.mask[:, k].astype(float), x.data[:, k]) for k in range(x.mask.shape[1])]
        return _combined(name, [((k,), w, v) for k, (w, v) in enumerate(places)], hard=False)
    if not isinstance(x, np.ndarray) or x.ndim == 1:
        return _combined(name, [((), 1.0, x)], hard=False)
    return _combined(name, [((k,), 1.0, x[:, k]) for k in range(x.shape[1])], hard=False)

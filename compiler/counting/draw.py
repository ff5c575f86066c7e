"""Assignments of a counting problem: drawn uniformly by walking the count backwards, or one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from .count import Counter
from .parts import Part, classes, key_of, link_reads, restricted, settle, split
from .polynomial import Key, Limits, Poly, join, multiply, one

T = TypeVar("T")
States = dict[int, tuple[int, ...]]
"""The states of every variable: one, or one for every value of its field."""


class Drawer:
    """Draws the states of variables, every assignment of the decisions behind them alike."""

    def __init__(self, counter: Counter, rng: random.Random) -> None:
        self.counter, self.rng = counter, rng

    def draw(self, part: Part) -> States:
        """One assignment of a part without tracked sums; ValueError where there is none."""
        found: dict[int, list[int]] = {}
        self._components(split(part), (), (), found)
        return {var: tuple(states) for var, states in found.items()}

    def _pick(self, options: Sequence[T], weights: Sequence[int]) -> T:
        """One of the options by exact weights, however large."""
        total = sum(weights)
        if total <= 0:
            raise ValueError("nothing meets the requirements")
        at = self.rng.randrange(total)
        for option, weight in zip(options, weights, strict=True):
            at -= weight
            if at < 0:
                return option
        raise AssertionError

    def _components(self, parts: Sequence[Part], key: Key, limits: Limits, found: dict[int, list[int]]) -> None:
        """Independent parts that reach sums together: each its share, by what the others can still make up."""
        todo: list[tuple[Part, Poly]] = []
        for part in parts:
            local, n = self.counter.localised(part)
            todo += [(local, self.counter.component(local))] * n
        rest: list[Poly] = [one(limits)]
        for _, poly in reversed(todo if limits else []):
            rest.append(multiply(poly, rest[-1], limits, self.counter.budget))
        for k, (part, poly) in enumerate(todo):
            share = key
            if limits:
                left = rest[len(todo) - 1 - k]
                ways = [(a, b, m * n) for a, m in poly.items() for b, n in left.items() if join(a, b, limits) == key]
                share, key, _ = self._pick(ways, [w for _, _, w in ways])
            self._component(part, share, found)

    def _component(self, part: Part, key: Key, found: dict[int, list[int]]) -> None:
        if len(part.variables) == 1 and not part.links:
            self._leaf(part, part.variables[0], key, found)
            return
        opened = self.counter.opened(part)
        if opened is None:
            self._case(part, key, found)
            return
        keep, parts = len(part.limits), split(opened)
        total: Poly = one(opened.limits)
        for inner, n in map(self.counter.localised, parts):
            for _ in range(n):
                total = multiply(total, self.counter.component(inner), opened.limits, self.counter.budget)
        tails = [(opened.limits[t], t) for t in range(keep, len(opened.limits))]
        ways = [(k, n) for k, n in total.items() if k[:keep] == key and all(limit.met(k[t]) for limit, t in tails)]
        self._components(parts, self._pick(ways, [n for _, n in ways])[0], opened.limits, found)

    def _leaf(self, part: Part, var: int, key: Key, found: dict[int, list[int]]) -> None:
        adds, mask = part.adds.get(var, ()), part.masks[var]
        weights = self.counter.variables[var].weights
        states = [s for s in range(len(weights)) if mask >> s & 1 and key_of(adds, s, {}, part.limits) == key]
        found.setdefault(var, []).append(self._pick(states, [weights[s] for s in states]))

    def _case(self, part: Part, key: Key, found: dict[int, list[int]]) -> None:
        var = self.counter.pick(part)
        weights = self.counter.variables[var].weights
        cases = self.counter.cases(part, var)
        states, _ = self._pick(cases, [poly.get(key, 0) for _, poly in cases])
        state = self._pick(states, [weights[s] for s in states])
        found.setdefault(var, []).append(state)
        alone = [link for link in part.links if link_reads(link) == {var}]
        own = key_of(part.adds.get(var, ()), state, restricted(alone, var, state)[1], part.limits)
        parts: list[Part] = []
        for beside in split(part, apart=var):
            left = self.counter.after(beside, var, state)
            assert left is not None, "a state of no weight was drawn"
            local, n = self.counter.localised(beside)
            shift = key_of((), 0, left[1], part.limits)
            for _ in range(n if local.field != part.field else 1):
                own = own and shift and join(own, shift, part.limits)
            parts += split(left[0])
        total: Poly = one(part.limits)
        if part.limits:
            for inner, n in map(self.counter.localised, parts):
                for _ in range(n):
                    total = multiply(total, self.counter.component(inner), part.limits, self.counter.budget)
        assert own is not None
        ways = [(k, n) for k, n in total.items() if join(own, k, part.limits) == key]
        self._components(parts, self._pick(ways, [n for _, n in ways])[0], part.limits, found)


def assignments(counter: Counter, part: Part) -> Iterator[States]:
    """All assignments of a part without tracked sums, each once, without holding them all."""
    parts: list[Part] = []
    for inner in split(part):
        local, n = counter.localised(inner)
        parts += [local] * n

    def after(k: int) -> Iterator[States]:
        if k == len(parts):
            yield {}
            return
        for own in _of_component(counter, parts[k]):
            for others in after(k + 1):
                yield {**others, **{v: (*s, *others.get(v, ())) for v, s in own.items()}}

    yield from after(0)


def _of_component(counter: Counter, part: Part) -> Iterator[States]:
    """All assignments of variables that are tied together (of one value of their field)."""
    var = counter.pick(part)
    weights = counter.variables[var].weights
    beside = tuple(v for v in part.variables if v != var)
    for state, _, states in classes(part, var, weights):
        left, _ = restricted(part.links, var, state)
        settled = settle(left, {v: part.masks[v] for v in beside})
        if settled is None:
            continue
        for others in assignments(counter, Part(beside, settled[0], tuple(settled[1]), {}, (), part.field)):
            for own in states:
                if weights[own]:
                    yield {var: (own,), **others}

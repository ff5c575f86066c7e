"""Assignments of a counting problem by their number: the count, walked backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .count import Counter
from .parts import Part, key_of, link_reads, restricted, split
from .polynomial import Key, Limits, Poly, join, multiply, one

T = TypeVar("T")
States = dict[int, tuple[int, ...]]
"""The states of every variable: one, or one for every value of its field."""


def states_at(counter: Counter, part: Part, number: int) -> States:
    """Assignment `number` (from 0) of a part without tracked sums; ValueError where there is none.

    Numbers of one assignment follow from the weights of its states, so an even number up to the count of the part is an
    even draw. Where all weights are 1 every number has an assignment of its own.
    """
    walk = _Walk(counter, number)
    walk.components(split(part), (), ())
    return {var: tuple(states) for var, states in walk.found.items()}


class _Walk:
    """Reads a number as digits of changing base: each choice takes what it needs and leaves the rest to the next."""

    def __init__(self, counter: Counter, number: int) -> None:
        self.counter, self.number = counter, number
        self.found: dict[int, list[int]] = {}

    def _pick(self, options: Sequence[T], weights: Sequence[int]) -> T:
        """One of the options by exact weights, however large."""
        total = sum(weights)
        if total <= 0:
            raise ValueError("nothing meets the requirements")
        rest, at = divmod(self.number, total)
        for option, weight in zip(options, weights, strict=True):
            if at < weight:
                self.number = at + weight * rest
                return option
            at -= weight
        raise AssertionError

    def components(self, parts: Sequence[Part], key: Key, limits: Limits) -> None:
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
            self._component(part, share)

    def _component(self, part: Part, key: Key) -> None:
        if len(part.variables) == 1 and not part.links:
            self._leaf(part, part.variables[0], key)
            return
        opened = self.counter.opened(part)
        if opened is None:
            self._case(part, key)
            return
        keep, parts = len(part.limits), split(opened)
        total: Poly = one(opened.limits)
        for inner, n in map(self.counter.localised, parts):
            for _ in range(n):
                total = multiply(total, self.counter.component(inner), opened.limits, self.counter.budget)
        tails = [(opened.limits[t], t) for t in range(keep, len(opened.limits))]
        ways = [(k, n) for k, n in total.items() if k[:keep] == key and all(limit.met(k[t]) for limit, t in tails)]
        self.components(parts, self._pick(ways, [n for _, n in ways])[0], opened.limits)

    def _leaf(self, part: Part, var: int, key: Key) -> None:
        adds, mask = part.adds.get(var, ()), part.masks[var]
        weights = self.counter.variables[var].weights
        states = [s for s in range(len(weights)) if mask >> s & 1 and key_of(adds, s, {}, part.limits) == key]
        self.found.setdefault(var, []).append(self._pick(states, [weights[s] for s in states]))

    def _case(self, part: Part, key: Key) -> None:
        var = self.counter.pick(part)
        weights = self.counter.variables[var].weights
        cases = self.counter.cases(part, var)
        states, _ = self._pick(cases, [poly.get(key, 0) for _, poly in cases])
        state = self._pick(states, [weights[s] for s in states])
        self.found.setdefault(var, []).append(state)
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
        self.components(parts, self._pick(ways, [n for _, n in ways])[0], part.limits)

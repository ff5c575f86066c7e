"""Assignments of a counting problem by their number, or as near to a wish as may be: the count, walked backwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, groupby
from typing import Any, Protocol

from .count import Counter
from .parts import Part, key_of, link_reads, restricted, split
from .polynomial import Key, Limits, Poly, join, multiply, one

States = dict[int, tuple[int, ...]]
"""The states of every variable: one, or one for every value of its field."""
LARGEST = 50_000
"""Parts that a walk remembers at most; what it has worked out is dropped beyond that."""


def states_at(counter: Counter, part: Part, number: int) -> States:
    """Assignment `number` (from 0) of a part without tracked sums; ValueError where there is none.

    Numbers of one assignment follow from the weights of its states, so an even number up to the count of the part is an
    even draw. Where all weights are 1 every number has an assignment of its own.
    """
    return Walker(counter, part).at(number)


class Walker:
    """Walks one part again and again: what does not depend on the number is worked out once."""

    def __init__(self, counter: Counter, part: Part) -> None:
        self.counter, self.part = counter, part
        self._plans: dict[Any, _Plan] = {}
        self._opened: dict[Part, Part | None] = {}
        self._options: dict[Any, _Ways] = {}
        self._cases: dict[Part, tuple[int, list[tuple[tuple[int, ...], Poly]]]] = {}
        self._after: dict[Any, tuple[Key, _Plan, Poly]] = {}

    def at(self, number: int) -> States:
        """Assignment `number`, as `states_at` says."""
        return self._walked(_ByNumber(number))

    def toward(self, wish: Mapping[int, int], rng: random.Random) -> States:
        """An assignment in which variables have the states wished as far as what is tied to them lets them.

        One variable after the other gets its wish where that leaves anything possible, of variables that are alike in an
        order that is drawn; the others get a state by chance.
        """
        return self._walked(_Toward(wish, rng))

    def _walked(self, choose: _Choose) -> States:
        if len(self._options) + len(self._after) > LARGEST:
            for known in (self._plans, self._opened, self._options, self._cases, self._after):
                known.clear()
        found: dict[int, list[int]] = {}
        self._components(self._plan(self.part, partial(split, self.part), ()), (), choose, found)
        return {var: tuple(states) for var, states in found.items()}

    # -- independent parts -------------------------------------------------------------------------------

    def _plan(self, key: Any, parts: Callable[[], Sequence[Part]], limits: Limits) -> _Plan:
        """What `_components` needs of some parts; `parts` gives them where they are not known by this key yet."""
        if key not in self._plans:
            todo: list[tuple[Part, Poly]] = []
            for part in parts():
                local, n = self.counter.localised(part)
                todo += [(local, self.counter.component(local))] * n
            rest: list[Poly] = [one(limits)]
            for _, poly in reversed(todo if limits else []):
                rest.append(multiply(poly, rest[-1], limits, self.counter.budget))
            self._plans[key] = _Plan(todo, rest, limits)
        return self._plans[key]

    def _components(self, plan: _Plan, key: Key, choose: _Choose, found: dict[int, list[int]]) -> None:
        """Independent parts that reach sums together: each its share, by what the others can still make up."""
        limits = plan.limits
        for k, (part, poly) in enumerate(choose.ordered(plan)):
            share = key
            if limits:
                ways = plan.ways.get((k, key))
                if ways is None:
                    every = list(_shares(poly, plan.rest[len(plan.todo) - 1 - k], key, limits))
                    ways = plan.ways[k, key] = _Ways([(a, b) for a, b, _ in every], [w for _, _, w in every])
                share, key = choose.way(ways, self._wanted(part, choose, limits))
            self._component(part, share, choose, found)

    def _wanted(self, part: Part, choose: _Choose, limits: Limits) -> Key | None:
        """What a part of one variable adds to the sums where its wish comes true."""
        if len(part.variables) > 1 or part.links:
            return None
        (var,) = part.variables
        state = choose.wish(var)
        if state is None or not part.masks[var] >> state & 1:
            return None
        return key_of(part.adds.get(var, ()), state, {}, limits)

    # -- one part ----------------------------------------------------------------------------------------

    def _component(self, part: Part, key: Key, choose: _Choose, found: dict[int, list[int]]) -> None:
        if len(part.variables) == 1 and not part.links:
            self._leaf(part, part.variables[0], key, choose, found)
            return
        if part not in self._opened:
            self._opened[part] = self.counter.opened(part)
        opened = self._opened[part]
        if opened is None:
            self._case(part, key, choose, found)
            return
        plan = self._plan((part, "opened"), partial(split, opened), opened.limits)
        ways = self._options.get((part, key))
        if ways is None:
            keep = len(part.limits)
            tails = [(opened.limits[t], t) for t in range(keep, len(opened.limits))]
            every = [
                (k, n)
                for k, n in self._total(plan).items()
                if k[:keep] == key and all(limit.met(k[t]) for limit, t in tails)
            ]
            ways = self._options[part, key] = _Ways([k for k, _ in every], [n for _, n in every])
        self._components(plan, choose.sums(ways, partial(self._wished, plan, choose)), choose, found)

    def _wished(self, plan: _Plan, choose: _Choose) -> list[Any]:
        """The sums that wishes come to, if all came true."""
        keys = [key for part, _ in plan.todo if (key := self._wanted(part, choose, plan.limits)) is not None]
        return [sum(column) for column in zip(*keys, strict=True)]

    def _total(self, plan: _Plan) -> Poly:
        """All parts of a plan together."""
        if plan.limits:
            return plan.rest[-1]
        total: Poly = one(())
        for _, poly in plan.todo:
            total = multiply(total, poly, (), self.counter.budget)
        return total

    def _leaf(self, part: Part, var: int, key: Key, choose: _Choose, found: dict[int, list[int]]) -> None:
        ways = self._options.get((part, key))
        if ways is None:
            adds, mask, weights = part.adds.get(var, ()), part.masks[var], self.counter.variables[var].weights
            every = range(len(weights))
            states = [s for s in every if mask >> s & 1 and key_of(adds, s, {}, part.limits) == key]
            ways = self._options[part, key] = _Ways(states, [weights[s] for s in states])
        found.setdefault(var, []).append(choose.option(ways, choose.wish(var)))

    def _case(self, part: Part, key: Key, choose: _Choose, found: dict[int, list[int]]) -> None:
        if part not in self._cases:
            var = self.counter.pick(part)
            self._cases[part] = var, self.counter.cases(part, var)
        var, cases = self._cases[part]
        wish = choose.wish(var)
        ways = self._options.get((part, key))
        if ways is None:
            ways = self._options[part, key] = _Ways([s for s, _ in cases], [poly.get(key, 0) for _, poly in cases])
        states = choose.option(ways, next((s for s in ways.options if wish in s), None))
        weights = self.counter.variables[var].weights
        state = choose.option(_Ways(list(states), [weights[s] for s in states]), wish)
        found.setdefault(var, []).append(state)
        own, plan, total = self._settled(part, var, state)
        again = self._options.get((part, key, state))
        if again is None:
            every = [(k, n) for k, n in total.items() if join(own, k, part.limits) == key]
            again = self._options[part, key, state] = _Ways([k for k, _ in every], [n for _, n in every])
        self._components(plan, choose.option(again, None), choose, found)

    def _settled(self, part: Part, var: int, state: int) -> tuple[Key, _Plan, Poly]:
        """What a variable's state adds to the sums, the parts that are left beside it, and what those add."""
        if (part, state) in self._after:
            return self._after[part, state]
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
        assert own is not None
        plan = self._plan((part, state), lambda: parts, part.limits)
        total = self._total(plan) if part.limits else one(part.limits)
        self._after[part, state] = own, plan, total
        return self._after[part, state]


def _shares(poly: Poly, left: Poly, key: Key, limits: Limits) -> Iterator[tuple[Key, Key, int]]:
    """The shares of a part and of the others that reach a sum together, and how often."""
    whole = all(not limit.capped or limit.relation in ("<=", "==") for limit in limits)
    for a, m in poly.items():
        # Sums that are not cut off are simply the difference.
        rest = [tuple(x - y for x, y in zip(key, a, strict=True))] if whole else left
        yield from ((a, b, m * left[b]) for b in rest if b in left and join(a, b, limits) == key)


@dataclass(eq=False, slots=True)
class _Plan:
    """Independent parts with their counts, `rest[k]`: the count of the last k together, and by (position, what is still
    to be reached) the ways to share it."""

    todo: list[tuple[Part, Poly]]
    rest: list[Poly]
    limits: Limits
    ways: dict[tuple[int, Key], _Ways] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Ways:
    """Options with exact weights, however large."""

    options: Sequence[Any]
    weights: Sequence[int]
    total: int = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.weights)
        if self.total <= 0:
            raise ValueError("nothing meets the requirements")


class _Choose(Protocol):
    """Takes one of some options; `wished` is the one that is wanted most, where there is one."""

    def ordered(self, plan: _Plan) -> Sequence[tuple[Part, Poly]]: ...

    def wish(self, var: int) -> int | None: ...

    def option(self, ways: _Ways, wished: Any) -> Any: ...

    def sums(self, ways: _Ways, wished: Callable[[], list[Any]]) -> Key:
        """What sums are to come to; `wished`: what they would be if all wishes came true."""
        ...

    def way(self, ways: _Ways, wanted: Key | None) -> tuple[Key, Key]:
        """A share of one part and what is left to the others; `wanted`: the share that is wished for."""
        ...


class _ByNumber:
    """Reads a number as digits of changing base: each choice takes what it needs and leaves the rest to the next."""

    def __init__(self, number: int) -> None:
        self.number = number

    def ordered(self, plan: _Plan) -> Sequence[tuple[Part, Poly]]:
        return plan.todo

    def wish(self, var: int) -> int | None:
        return None

    def option(self, ways: _Ways, wished: Any) -> Any:
        if len(ways.options) == 1 and ways.weights[0] == 1:
            return ways.options[0]
        rest, at = divmod(self.number, ways.total)
        for option, weight in zip(ways.options, ways.weights, strict=True):
            if at < weight:
                self.number = at + weight * rest
                return option
            at -= weight
        raise AssertionError

    def sums(self, ways: _Ways, wished: Callable[[], list[Any]]) -> Key:
        found: Key = self.option(ways, None)
        return found

    def way(self, ways: _Ways, wanted: Key | None) -> tuple[Key, Key]:
        found: tuple[Key, Key] = self.option(ways, None)
        return found


class _Toward:
    """The wish where it is possible, else by chance."""

    def __init__(self, wish: Mapping[int, int], rng: random.Random) -> None:
        self._wish, self._rng = wish, rng

    def ordered(self, plan: _Plan) -> Sequence[tuple[Part, Poly]]:
        """Neighbours that count alike change places: none of them gets its wish first because of where it stands."""
        found: list[tuple[Part, Poly]] = []
        for _, alike in groupby(plan.todo, key=lambda one: id(one[1])):
            group = list(alike)
            found += self._rng.sample(group, len(group))
        return found

    def wish(self, var: int) -> int | None:
        return self._wish.get(var)

    def option(self, ways: _Ways, wished: Any) -> Any:
        for option, weight in zip(ways.options, ways.weights, strict=True):
            if option == wished and weight:
                return option
        at = self._rng.randrange(ways.total)
        return next(o for o, end in zip(ways.options, accumulate(ways.weights), strict=True) if at < end)

    def sums(self, ways: _Ways, wished: Callable[[], list[Any]]) -> Key:
        wanted = wished()
        possible: list[Key] = [key for key, weight in zip(ways.options, ways.weights, strict=True) if weight]
        return min(possible, key=lambda key: sum(abs(x - y) for x, y in zip(key, wanted, strict=False)))

    def way(self, ways: _Ways, wanted: Key | None) -> tuple[Key, Key]:
        agreeing = [k for k, (share, _) in enumerate(ways.options) if share == wanted and ways.weights[k]]
        if agreeing:
            ways = _Ways([ways.options[k] for k in agreeing], [ways.weights[k] for k in agreeing])
        found: tuple[Key, Key] = self.option(ways, None)
        return found

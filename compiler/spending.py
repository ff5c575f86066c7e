"""Which architecture a budget buys: the cheapest one, the options that score most, the gates that rank first.

Costs are measured on whole architectures (`cost.py`), so whatever they depend on, what is chosen meets the bounds. Where
the price of an option does not depend on the others, as that of a table's width or of a gate on it, options of numbers
and alternatives are the best that can be had (a knapsack with one option of each element, solved by its Pareto front).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .budgets import Purse
from .decisions import Architecture, Decision, Options

Place = tuple[str, int]
"""An element of a decision."""
STATES = 4_000
"""Of the front, at most: beyond that it is thinned out evenly, and the cheapest stays."""
AGAIN = 20
"""How often a front is asked for less because options together cost more than each by itself."""
TRIES = 200
"""Measurements for gates that may still fit when the first that does not has been reached."""
LISTED = ("number", "name", "alternative", "range")


@dataclass(frozen=True, slots=True)
class Choosable:
    """An element with the score of every option that it may take (the higher the better)."""

    place: Place
    scores: Sequence[float]


def options_of(decision: Decision, element: int) -> range:
    """The positions of the options of an element; none of a set, a real, or a range that is not listed."""
    domain = decision.domain(element)
    return range(len(domain.options) if domain.kind in LISTED else 0)


def cheapest(purse: Purse, start: Architecture, decisions: Sequence[Decision], fixed: frozenset[Place]) -> Architecture:
    """Gates off, and of every other element the option that costs least, one after the other until none is cheaper."""
    found: Architecture = start
    for d in decisions:
        if d.domains[0].kind == "gate":
            shut: Options = bytes(d.elements) if d.packed else (0,) * d.elements
            held = {(name, e): found[name][e] for name, e in fixed if name == d.name}
            found = {**found, **with_options({d.name: shut}, held)}
    options = {(d.name, e): options_of(d, e) for d in decisions if not d.per_value for e in range(d.elements)}
    places = [place for place, own in options.items() if own and place not in fixed]
    least, changed = _excess(purse, found), True
    while changed and least > 0:
        changed = False
        for place in places:
            for option in options[place]:
                tried = with_options(found, {place: option})
                if tried[place[0]] != found[place[0]] and (own := _excess(purse, tried)) < least:
                    found, least, changed = tried, own, True
    return found


def _excess(purse: Purse, architecture: Architecture) -> float:
    """By how much an architecture is beyond its bounds, as shares of these; 0 within all."""
    over = [max(0, c - b.most) / max(b.most, 1) for c, b in zip(purse.spent(architecture), purse.bounds, strict=True)]
    return sum(over)


def with_options(architecture: Architecture, options: Mapping[Place, Any]) -> Architecture:
    """The architecture with other options at some places."""
    found = dict(architecture)
    for name in dict.fromkeys(name for name, _ in options):
        own = {e: o for (n, e), o in options.items() if n == name}
        before = architecture[name]
        if isinstance(before, bytes):
            changed = bytearray(before)
            for e, o in own.items():
                changed[e] = o
            found[name] = bytes(changed)
        else:
            found[name] = tuple(own.get(e, o) for e, o in enumerate(before))
    return found


def best_options(purse: Purse, start: Architecture, choosable: Sequence[Choosable]) -> Architecture | None:
    """The options whose scores add up to most within the bounds, all else as in `start`; None where nothing was found.

    Prices are differences to `start`, each element by itself.
    """
    base = purse.spent(start)
    prices = {c.place: [_minus(purse.spent(with_options(start, {c.place: o})), base) for o in range(len(c.scores))]
              for c in choosable}  # fmt: skip
    room = [bound.most - cost for bound, cost in zip(purse.bounds, base, strict=True)]
    for _ in range(AGAIN):
        chosen = _front(choosable, prices, room)
        if chosen is None:
            return None
        found = with_options(start, chosen)
        over = [cost - bound.most for cost, bound in zip(purse.spent(found), purse.bounds, strict=True)]
        if max(over) <= 0:
            return found
        room = [r - max(o, 0) for r, o in zip(room, over, strict=True)]
    return None


def _minus(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))


State = tuple[tuple[int, ...], float, tuple[int, ...]]
"""What has been spent, what it scores, and the options so far."""


def _front(
    choosable: Sequence[Choosable], prices: Mapping[Place, Sequence[tuple[int, ...]]], room: Sequence[int]
) -> dict[Place, int] | None:
    """One option of each element, so that prices stay within `room` and scores add up to most."""
    least = [[min(p[k] for p in prices[c.place]) for c in choosable] for k in range(len(room))]
    states: list[State] = [((0,) * len(room), 0.0, ())]
    for n, c in enumerate(choosable):
        later = [sum(own[n + 1 :]) for own in least]  # what the elements to come take at the least
        grown = [
            (tuple(a + b for a, b in zip(cost, price, strict=True)), score + own, (*options, k))
            for cost, score, options in states
            for k, (price, own) in enumerate(zip(prices[c.place], c.scores, strict=True))
        ]
        fits = [s for s in grown if all(a + l <= r for a, l, r in zip(s[0], later, room, strict=True))]
        states = _undominated(fits)
        if not states:
            return None
    best = max(states, key=lambda s: s[1])
    return {c.place: option for c, option in zip(choosable, best[2], strict=True)}


def _undominated(states: list[State]) -> list[State]:
    """Without those that cost more (by the first bound) and score no more; with several bounds those may be better still,
    and are kept."""
    ordered = sorted(states, key=lambda s: (s[0], -s[1]))
    if ordered and len(ordered[0][0]) == 1:
        kept, best = [], float("-inf")
        for state in ordered:
            if state[1] > best:
                kept.append(state)
                best = state[1]
        ordered = kept
    if len(ordered) <= STATES:
        return ordered
    return [ordered[k * (len(ordered) - 1) // (STATES - 1)] for k in range(STATES)]


def ranked_gates(purse: Purse, at: Callable[[Sequence[int]], Architecture], count: int) -> list[int]:
    """The gates that are open: of `count`, the first being worth most, as many as the bounds allow, and of those after
    them what still fits. `at` gives the architecture in which some are open, the others shut.

    With all of them shut the bounds are met. Costs grow with the gates that are open.
    """
    if purse.met(at(range(count))):
        return list(range(count))
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if purse.met(at(range(middle))) else (low, middle)
    opened, tries = list(range(low)), 0
    todo = [(low, count)] if low < count else []
    while todo and tries < TRIES:
        begin, end = todo.pop()
        tries += 1
        more = [*opened, *range(begin, end)]
        if purse.met(at(more)):
            opened = more
        elif end - begin > 1:
            middle = (begin + end) // 2
            todo += [(middle, end), (begin, middle)]
    return opened

"""What options cost, each by itself: the first order of a cost around an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .budgets import Bound, Purse
from .decisions import Architecture, Decision
from .spending import options_of, with_options

MOST = 1_000
"""Elements of a decision that are priced one by one; those of larger ones share evenly what they cost together."""
TIMED = 16
"""The same where a price is a measurement of latency."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A bound, what an architecture takes of it, and what it would take more with another option of one element: by decision,
    for every element one number an option (0 for the one that it has). Exact for one change, and for several whose costs add up."""

    bound: Bound
    at: int
    more: Mapping[str, Sequence[Sequence[float]]]


def prices(purse: Purse, base: Architecture, decisions: Sequence[Decision]) -> tuple[Prices, ...]:
    """Of every bound. Decisions with options that are not listed, sets and reals, have no price."""
    counted = replace(purse, clock=None)
    found = _priced(counted, base, decisions, MOST) if counted.bounds else {}
    timed = purse.clock is not None and len(purse.bounds) > len(counted.bounds)
    found |= _priced(purse, base, decisions, TIMED) if timed else {}
    return tuple(found[bound.text] for bound in purse.bounds)


def _priced(purse: Purse, base: Architecture, decisions: Sequence[Decision], most: int) -> dict[str, Prices]:
    at = purse.spent(base)
    more: list[dict[str, list[list[float]]]] = [{} for _ in at]
    for decision in decisions:
        own = (
            _one_by_one(purse, base, decision, at) if decision.elements <= most else _evenly(purse, base, decision, at)
        )
        for k, found in enumerate(own):
            more[k][decision.name] = found
    return {bound.text: Prices(bound, cost, mine) for bound, cost, mine in zip(purse.bounds, at, more, strict=True)}


def _one_by_one(purse: Purse, base: Architecture, decision: Decision, at: Sequence[int]) -> list[list[list[float]]]:
    """By bound, element and option."""
    found: list[list[list[float]]] = [[[] for _ in range(decision.elements)] for _ in at]
    for element in range(decision.elements):
        for option in _options(decision, element):
            has = base[decision.name][element] == option
            spent = at if has else purse.spent(with_options(base, {(decision.name, element): option}))
            for k, (cost, before) in enumerate(zip(spent, at, strict=True)):
                found[k][element].append(float(cost - before))
    return found


def _evenly(purse: Purse, base: Architecture, decision: Decision, at: Sequence[int]) -> list[list[list[float]]]:
    """All elements at the same option, against all as they are."""
    by_option: list[tuple[float, ...]] = []
    for option in range(max((len(_options(decision, e)) for e in range(decision.elements)), default=0)):
        able = [e for e in range(decision.elements) if option < len(_options(decision, e))]
        spent = purse.spent(with_options(base, {(decision.name, e): option for e in able}))
        by_option.append(tuple((cost - before) / len(able) for cost, before in zip(spent, at, strict=True)))
    return [
        [[by_option[o][k] - by_option[_of(base, decision, e)][k] for o in _options(decision, e)]
         for e in range(decision.elements)]
        for k in range(len(at))
    ]  # fmt: skip


def _of(base: Architecture, decision: Decision, element: int) -> int:
    option = base[decision.name][element]
    return option if isinstance(option, int) else 0


def _options(decision: Decision, element: int) -> range:
    """Positions of the options of an element, those of a gate too."""
    domain = decision.domain(element)
    return range(len(domain.options)) if domain.kind == "gate" else options_of(decision, element)

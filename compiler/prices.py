"""What options cost, each by itself: the first order of a cost around an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from .budgets import Asked, Purse
from .decisions import Architecture, Decision
from .spending import options_of, with_options

MOST = 1_000
"""Elements of a decision that are priced one by one; those of larger ones share evenly what they cost together."""
TIMED = 16
"""The same where a price is a measurement of latency."""
Spent = Callable[[Architecture], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Prices:
    """A cost of an architecture, and what would be added by another option of one element: by decision, for every element one
    number an option (0 for the one that it has). Exact for one change, and for several whose costs add up."""

    at: int
    more: Mapping[str, Sequence[Sequence[float]]]


def prices(
    purse: Purse, base: Architecture, decisions: Sequence[Decision], asked: Sequence[Asked]
) -> tuple[Prices, ...]:
    """Of every cost that is asked for. Decisions with options that are not listed, sets and reals, have no price."""
    timed = [one.measure == "latency" for one in asked]
    counted = iter(
        _priced(purse, base, decisions, [one for one, slow in zip(asked, timed, strict=True) if not slow], MOST)
    )
    measured = iter(
        _priced(purse, base, decisions, [one for one, slow in zip(asked, timed, strict=True) if slow], TIMED)
    )
    return tuple(next(measured if slow else counted) for slow in timed)


def _priced(
    purse: Purse, base: Architecture, decisions: Sequence[Decision], asked: Sequence[Asked], most: int
) -> list[Prices]:
    if not asked:
        return []
    spent = partial(purse.measured, asked=asked)
    at = spent(base)
    more: list[dict[str, list[list[float]]]] = [{} for _ in at]
    for decision in decisions:
        how = _one_by_one if decision.elements <= most else _evenly
        for k, found in enumerate(how(spent, base, decision, at)):
            more[k][decision.name] = found
    return [Prices(cost, mine) for cost, mine in zip(at, more, strict=True)]


def _one_by_one(spent: Spent, base: Architecture, decision: Decision, at: Sequence[int]) -> list[list[list[float]]]:
    """By bound, element and option."""
    found: list[list[list[float]]] = [[[] for _ in range(decision.elements)] for _ in at]
    for element in range(decision.elements):
        for option in _options(decision, element):
            has = base[decision.name][element] == option
            costs = at if has else spent(with_options(base, {(decision.name, element): option}))
            for k, (cost, before) in enumerate(zip(costs, at, strict=True)):
                found[k][element].append(float(cost - before))
    return found


def _evenly(spent: Spent, base: Architecture, decision: Decision, at: Sequence[int]) -> list[list[list[float]]]:
    """All elements at the same option, against all as they are."""
    by_option: list[tuple[float, ...]] = []
    for option in range(max((len(_options(decision, e)) for e in range(decision.elements)), default=0)):
        able = [e for e in range(decision.elements) if option < len(_options(decision, e))]
        costs = spent(with_options(base, {(decision.name, e): option for e in able}))
        by_option.append(tuple((cost - before) / len(able) for cost, before in zip(costs, at, strict=True)))
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

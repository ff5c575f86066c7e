"""Domains of decisions, and who says what a decision is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .values import Chance, Choice, Chosen, Element, Refused


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
"""(element, domain, logits) → Chance, Choice, Chosen or a real number; Need or KeyError where it has no answer."""


def first(domain: Domain) -> Any:
    """Any option, where only the shape counts."""
    match domain.kind:
        case "gate":
            return Chance(1.0)
        case "subset":
            return Chosen(tuple((m, 1.0 if k < max(domain.low, 1) else 0.0) for k, m in enumerate(domain.options)))
        case "real":
            return domain.low
    return Choice(((domain.options[0], 1.0),))


def unseen(element: Element, domain: Domain, logits: Any) -> Any:
    """A value never seen has its gates off and its smallest width."""
    match domain.kind:
        case "gate":
            return Chance(0.0)
        case "number":
            return Choice(((min(domain.options), 1.0),))
    raise Refused(f"a value never seen has nothing in {element[0]}")

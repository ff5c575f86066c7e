"""What proposes architectures: `ask`, `tell`, `best`. A sampler knows the decision table and nothing of models."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Protocol

from recspace.compiler.decisions import Architecture, Decision
from recspace.dsl.source import Span

from .choices import Option, count, drawn
from .refuse import refusal
from .state import State
from .task import architecture_from, architecture_json


class Sampler(Protocol):
    """`trials`: how many architectures it will ask for. Scores: the higher the better, −inf for a failed one."""

    @property
    def trials(self) -> int: ...

    def ask(self) -> Architecture: ...

    def tell(self, architecture: Architecture, score: float) -> None: ...

    def best(self) -> Architecture | None:
        """The best that was told; None if all have failed."""
        ...

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class _Ranked:
    """The best architecture so far; of equal ones the first."""

    def __init__(self, trials: int) -> None:
        self.trials, self.asked = trials, 0
        self._best: tuple[float, Architecture] | None = None

    def tell(self, architecture: Architecture, score: float) -> None:
        if score > -math.inf and (self._best is None or score > self._best[0]):
            self._best = (score, architecture)

    def best(self) -> Architecture | None:
        return self._best[1] if self._best is not None else None

    def state(self) -> State:
        best = None if self._best is None else [self._best[0], architecture_json(self._best[1])]
        return State({}, {"asked": self.asked, "best": best})

    def restore(self, state: State) -> None:
        self.asked, best = int(state.facts["asked"]), state.facts["best"]
        found = architecture_from(best[1]) if best is not None else None
        self._best = (best[0], found) if found is not None else None


class Uniform(_Ranked):
    """Random search: proposal k is a function of (seed, stage, k)."""

    def __init__(self, decisions: tuple[Decision, ...], seed: int, stage: str, trials: int) -> None:
        super().__init__(trials)
        self._decisions, self._seed, self._stage = decisions, seed, stage

    def ask(self) -> Architecture:
        self.asked += 1
        return drawn(self._decisions, self._seed, self._stage, self.asked - 1, "architecture")


class Everything(_Ranked):
    """All architectures in order, the last element changing fastest."""

    def __init__(self, decisions: tuple[Decision, ...], limit: int, span: Span) -> None:
        self._axes = [(d.name, e, d) for d in decisions for e in range(d.elements)] if _few(decisions, limit) else None
        sizes = [] if self._axes is None else [_size(d, e) for _, e, d in self._axes]
        total = math.prod(sizes)
        if self._axes is None or total > limit:
            raise refusal(
                "S0609",
                f"the space has more than {limit:,} assignments, too many to try them all",
                span,
                help=f"give a larger limit, exhaustive(limit = {limit * 10}), or use random(trials = {limit})",
            )
        super().__init__(total)

    def ask(self) -> Architecture:
        number, self.asked = self.asked, self.asked + 1
        result: dict[str, list[Option]] = {}
        places: list[int] = []
        for _, element, decision in reversed(self._axes or []):
            number, place = divmod(number, _size(decision, element))
            places.append(place)
        for (name, element, decision), place in zip(self._axes or [], reversed(places), strict=True):
            result.setdefault(name, []).append(_option(decision, element, place))
        return {name: tuple(options) for name, options in result.items()}


def _few(decisions: tuple[Decision, ...], limit: int) -> bool:
    """Whether listing the elements is harmless: every element with a choice at least doubles the space."""
    return sum(d.elements for d in decisions) <= 10_000 + limit


def _size(decision: Decision, element: int) -> int:
    domain = decision.domain(element)
    if domain.kind == "subset":
        return sum(math.comb(len(domain.options), k) for k in range(int(domain.low), int(domain.high) + 1))
    return count(decision, decision.domain_of[element] if decision.domain_of else 0)


def _option(decision: Decision, element: int, place: int) -> Option:
    domain = decision.domain(element)
    if domain.kind != "subset":
        return place
    return next(itertools.islice(_subsets(len(domain.options), int(domain.low), int(domain.high)), place, None))


def _subsets(members: int, low: int, high: int) -> Iterator[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(range(members), k) for k in range(low, high + 1))

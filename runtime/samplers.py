"""What proposes architectures: `ask`, `tell`, `best`. A proposer knows decisions and requirements, nothing of models."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from recspace.compiler.counting.polynomial import TooHard
from recspace.compiler.decisions import Architecture
from recspace.compiler.sampler import Sampler
from recspace.dsl.source import Span

from .draws import Draws
from .refuse import refusal
from .state import State
from .task import architecture_from, architecture_json

PASSED_OVER = 1_000
"""Draws that were tried before, after which one is tried again."""


class Proposer(Protocol):
    """`trials`: how many architectures it will ask for. Scores: the higher the better, −inf for a failed one."""

    @property
    def trials(self) -> int: ...

    def ask(self) -> Architecture: ...

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        """`others`: of objectives besides, the higher the better."""
        ...

    def best(self) -> Architecture | None:
        """The best that was told; None if all have failed."""
        ...

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class Ranked(ABC):
    """The best architecture so far; of equal ones the first."""

    def __init__(self, trials: int) -> None:
        self.trials, self.asked = trials, 0
        self._best: tuple[float, Architecture] | None = None

    @abstractmethod
    def ask(self) -> Architecture: ...

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        if score > -math.inf and (self._best is None or score > self._best[0]):
            self._best = (score, architecture)

    def hear(self, architecture: Architecture, score: float, others: Sequence[float], *, allowed: bool) -> None:
        """Of a trial that it did not ask for; `allowed`: its own budget would have let it."""
        if allowed:
            self.asked += 1
            self.tell(architecture, score, others)

    def best(self) -> Architecture | None:
        return self._best[1] if self._best is not None else None

    def state(self) -> State:
        best = None if self._best is None else [self._best[0], architecture_json(self._best[1])]
        return State({}, {"asked": self.asked, "best": best})

    def restore(self, state: State) -> None:
        self.asked, best = int(state.facts["asked"]), state.facts["best"]
        found = architecture_from(best[1]) if best is not None else None
        self._best = (best[0], found) if found is not None else None


class Uniform(Ranked):
    """Random search without an architecture twice: draw k is a function of (seed, stage, k), and those that came up before
    are passed over. There are no more trials than architectures, where these can be counted."""

    def __init__(self, draws: Draws, seed: int, stage: str, trials: int) -> None:
        super().__init__(draws.at_most(trials))
        self._draws, self._seed, self._stage = draws, seed, stage
        self._drawn, self._seen = 0, dict[str, None]()

    def ask(self) -> Architecture:
        self.asked += 1
        for _ in range(PASSED_OVER):
            found = self._draws.at(self._seed, self._stage, self._drawn, "architecture")
            self._drawn += 1
            if (key := self._draws.key(found)) not in self._seen:
                break
        self._seen[key] = None
        return found

    def hear(self, architecture: Architecture, score: float, others: Sequence[float], *, allowed: bool) -> None:
        super().hear(architecture, score, others, allowed=allowed)
        if allowed:
            self._seen[self._draws.key(architecture)] = None

    def state(self) -> State:
        state = super().state()
        return State({}, {**state.facts, "drawn": self._drawn, "seen": list(self._seen)})

    def restore(self, state: State) -> None:
        super().restore(state)
        self._drawn, self._seen = int(state.facts["drawn"]), dict.fromkeys(state.facts["seen"])


class Listed(Ranked):
    """These, one after the other."""

    def __init__(self, architectures: tuple[Architecture, ...]) -> None:
        super().__init__(len(architectures))
        self._architectures = architectures

    def ask(self) -> Architecture:
        self.asked += 1
        return self._architectures[self.asked - 1]


class Everything(Ranked):
    """All architectures, one after the other. Raises SpaceError (S0609) where there are more than `limit`."""

    def __init__(self, sampler: Sampler, limit: int, span: Span) -> None:
        total = _counted(sampler)
        if total is None or total > limit:
            raise refusal(
                "S0609",
                f"the space has more than {limit:,} architectures, too many to try them all",
                span,
                help=f"give a larger limit, exhaustive(limit = {limit * 10}), or use random(trials = {limit})",
            )
        super().__init__(total)
        self._sampler = sampler
        self._left = sampler.every()

    def ask(self) -> Architecture:
        self.asked += 1
        return next(self._left)

    def restore(self, state: State) -> None:
        super().restore(state)
        self._left = itertools.islice(self._sampler.every(), self.asked, None)


def _counted(sampler: Sampler) -> int | None:
    try:
        return sampler.total()
    except TooHard:
        return None

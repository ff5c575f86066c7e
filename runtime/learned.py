"""What samplers that learn from their trials share: proposals that are new, meet the requirements and hold what is fixed.

A proposal is a function of (seed, stage, number of the trial) and of the trials told before, in their order: a sampler is
gone on with by telling it again what it was told.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from recspace.compiler.decisions import Architecture

from .draws import Draws
from .randomness import digest
from .samplers import PASSED_OVER, Ranked
from .state import State
from .task import architecture_from, architecture_json

Scores = tuple[float, ...]
"""Of every objective, the higher the better."""
TRIES = 8
"""Proposals of its own that a sampler makes before it draws, until one is found that was not tried."""


class Learned(Ranked):
    """`told`: the trials so far, with None for scores where one failed. `again`: proposals that were tried before."""

    def __init__(self, draws: Draws, seed: int, stage: str, trials: int) -> None:
        super().__init__(draws.at_most(trials))
        self.draws, self._seed, self._stage = draws, seed, stage
        self.told: list[tuple[Architecture, Scores | None]] = []
        self.known: dict[str, Scores | None] = {}
        self.again = 0

    def learn(self, architecture: Architecture, scores: Scores | None) -> None:
        """Take in a trial, the last of `told`."""

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        super().tell(architecture, score)
        scores = (score, *others) if score > -math.inf else None
        self.told.append((architecture, scores))
        self.known[self.draws.key(architecture)] = scores
        self.learn(architecture, scores)

    def hear(self, architecture: Architecture, score: float, others: Sequence[float], *, allowed: bool) -> None:
        if allowed:
            self.replay(architecture, (score, *others))

    def rng(self, *names: str | int) -> random.Random:
        return random.Random(digest(self._seed, self._stage, self.asked, *names))

    def drawn(self, attempt: int) -> Architecture:
        return self.draws.at(self._seed, self._stage, self.asked, "drawn", attempt)

    def fresh(self, propose: Callable[[int], Architecture]) -> Architecture:
        """A proposal that was not tried yet; one that was where nothing else comes up."""
        found = propose(0)
        for attempt in range(1, TRIES + PASSED_OVER):
            if self.draws.key(found) not in self.known:
                break
            found = propose(attempt) if attempt < TRIES else self.drawn(attempt)
        self.again += self.draws.key(found) in self.known
        self.asked += 1
        return found

    def state(self) -> State:
        told = [[architecture_json(a), None if s is None else list(s)] for a, s in self.told]
        return State({}, {"asked": self.asked, "told": told, "again": self.again})

    def restore(self, state: State) -> None:
        """Told again, trial by trial."""
        for listed, scores in state.facts["told"]:
            architecture = architecture_from(listed)
            assert architecture is not None
            self.replay(architecture, None if scores is None else tuple(scores))
        if int(state.facts["asked"]) > self.asked:
            self.pending()
        self.asked, self.again = int(state.facts["asked"]), int(state.facts["again"])

    def pending(self) -> None:
        """After everything was told again: one more was asked for, and has not been told yet."""

    def replay(self, architecture: Architecture, scores: Scores | None) -> None:
        self.asked += 1
        score, *others = scores or (-math.inf,)
        self.tell(architecture, score, others)

"""Trials that are stopped early, by asynchronous successive halving.

Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), in the form that stops trials (as
Optuna has it); Hyperband (Li et al., JMLR 2018) by brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BEHIND = 1e6
"""What a score loses for every rung that a stopped trial did not reach: it ranks behind all that went farther."""


@dataclass(eq=False, slots=True)
class Halving:
    """Rungs at `shortest` epochs, `factor` times as many, and so on. A trial that comes to one goes on if it is in the best
    1/`factor` of those that came there before, itself among them. Trials take turns in the brackets, of which each starts
    its rungs a factor later than the one before.

    `seen`: scores at every rung, by bracket and epochs, the higher the better.
    """

    factor: int
    shortest: int
    brackets: int = 1
    seen: dict[str, list[float]] = field(default_factory=dict)

    def rungs(self, trial: int, epochs: int) -> tuple[int, ...]:
        """The epochs after which a trial of so many is judged."""
        found, at = [], self.shortest * self.factor ** (trial % self.brackets)
        while at < epochs:
            found.append(at)
            at *= self.factor
        return tuple(found)

    def goes_on(self, trial: int, epoch: int, score: float) -> bool:
        """Whether a trial that has this score at a rung goes on; of equal ones all do."""
        scores = self.seen.setdefault(f"{trial % self.brackets}:{epoch}", [])
        scores.append(score)
        kept = max(len(scores) // self.factor, 1)
        return score >= sorted(scores, reverse=True)[kept - 1]

    def behind(self, score: float, epoch: int, rungs: Sequence[int]) -> float:
        """The score of a trial that was stopped, as samplers are told it."""
        return score - BEHIND * sum(rung >= epoch for rung in rungs)

    def state(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        self.seen = {key: list(scores) for key, scores in state["seen"].items()}

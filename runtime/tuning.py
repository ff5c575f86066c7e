"""Which form of a supernet trains quickest on the machine at hand: whole passes forward and backward, in turns.

CPU time of one thread; the forms take turns, so that what else the machine does meets all alike. A form is chosen over
that which would be taken anyway only where at least three quarters of the rounds found it quicker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

import torch

from .rehearsal import Step
from .tiles import FEWEST, tiles

FEWEST_ROUNDS, MOST_ROUNDS = 5, 100


@dataclass(frozen=True, slots=True)
class Form:
    """A supernet as one way of compiling makes it, and the rows of its tiles. `without`: the passes left out."""

    without: frozenset[str]
    step: Step
    tile: int

    def once(self) -> float:
        """Seconds of CPU time of a step without its optimizer, which all forms have alike."""
        before = time.process_time()
        for part in tiles(self.step.batch, self.step.noise, self.tile):
            _, terms = self.step.model.objective(part.batch, self.step.choices, part.noise)
            loss = part.share * torch.stack([term.float() for term in terms]).sum()
            torch.autograd.grad(loss, self.step.learned, allow_unused=True)
        return time.process_time() - before


def sizes(step: Step, usual: int) -> tuple[int, ...]:
    """Rows of tiles to be measured: the usual, a quarter to four times as many, and the batch as a whole."""
    if not step.model.compiled.tiled:
        return (step.rows,)
    near = {usual * 2**k // 4 for k in range(5)}
    return tuple(sorted({min(step.rows, max(min(FEWEST, step.rows) // 2, n)) for n in near} | {step.rows}))


def in_turns(forms: Sequence[Form], seconds: float, told: Callable[[], None] = lambda: None) -> list[list[float]]:
    """Seconds of each form in every round, the first round (in which memory is fetched) left out."""
    for form in forms:
        form.once()
    rounds: list[list[float]] = []
    ends = time.monotonic() + seconds
    while len(rounds) < FEWEST_ROUNDS or (time.monotonic() < ends and len(rounds) < MOST_ROUNDS):
        rounds.append([form.once() for form in forms])
        told()
    return rounds


def quickest(rounds: Sequence[Sequence[float]], usual: int = 0) -> int:
    """The form to take: the quickest of those that were surely quicker than the usual, else the usual."""
    count = len(rounds[0])
    sure = [k for k in range(count) if k != usual and _surely(rounds, k, usual)]
    return min(sure, key=lambda k: median(row[k] for row in rounds), default=usual)


def _surely(rounds: Sequence[Sequence[float]], one: int, other: int) -> bool:
    """Whether the upper quartile of the ratios lies below 1, and their median a twentieth."""
    _, middle, high = quantiles([row[one] / row[other] for row in rounds], n=4)
    return high < 1 and middle < 0.95


def figures(rounds: Sequence[Sequence[float]], k: int, usual: int = 0) -> Mapping[str, Any]:
    """Milliseconds of a form, and its ratio to the usual one with quartiles."""
    low, middle, high = quantiles([row[k] / row[usual] for row in rounds], n=4)
    return {"ms": 1000 * median(row[k] for row in rounds), "ratio": middle, "quartiles": [low, high]}

"""What a model loses by each gate that examples decide, when it is shut for all of them: one that is often open may carry
nothing, and still move what others weigh in a mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision

from .choices import Weigher, over_elements
from .evaluation import FIRST, goodness, scores
from .examples import Examples
from .module import Model

ROWS, FEWEST, WORK = 8192, 512, 20_000_000
"""Rows that it is measured on: as many as keep rows × gates² below WORK, within these bounds."""
ELEMENTS = 1000
"""Gates of a decision that are shut one by one, at most."""


@dataclass(frozen=True, slots=True)
class Shut:
    """A weigher whose element `at` is shut for every example."""

    weigher: Weigher
    at: int

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        weights = self.weigher(logits, noise, at)
        return weights.index_fill(1, torch.tensor([self.at], device=weights.device), 0.0)

    def chance(self, logits: Tensor) -> Tensor:
        return self.weigher.chance(logits)


def closing(
    model: Model,
    examples: Examples,
    rows: Tensor,
    choices: Mapping[str, Tensor | Weigher],
    decisions: tuple[Decision, ...],
) -> dict[str, Tensor]:
    """By how much the loss (of a ranking 1 − its metric) rises over the first of `rows` with each gate shut: [E].

    Of decisions over the elements of an example, which are other ones in every example, nothing is known.
    """
    figure = "logloss" if examples.task == "binary" else FIRST[examples.task]

    def good(own: Mapping[str, Tensor | Weigher], rows: Tensor) -> float:
        return goodness(scores(model, examples, rows, own, ROWS), figure)

    found: dict[str, Tensor] = {}
    for decision in decisions if rows.numel() else ():
        weigher = choices[decision.name]
        if isinstance(weigher, Tensor) or not _shut_one_by_one(decision):
            continue
        some = rows[: min(ROWS, max(FEWEST, WORK // decision.elements**2))]
        whole = good(choices, some)
        shut = [whole - good({**choices, decision.name: Shut(weigher, e)}, some) for e in range(decision.elements)]
        found[decision.name] = torch.tensor(shut)
    return found


def _shut_one_by_one(decision: Decision) -> bool:
    own = decision.given == "example" and decision.domains[0].kind == "gate" and 1 < decision.elements <= ELEMENTS
    return own and not over_elements(decision)

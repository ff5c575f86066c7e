"""How often a decision that every example makes turned out on: what a report can say of it as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision

from .choices import Weigher, by_example, shape
from .evaluation import predicted
from .examples import Examples
from .module import Model


@dataclass(slots=True)
class Counted:
    """A weigher that adds up what it answers: `total` [E, …] over `rows` examples."""

    weigher: Weigher
    rows: int = 0
    totals: list[Tensor] = field(default_factory=list)

    def __call__(self, logits: Tensor, noise: Tensor | None) -> Tensor:
        weights = self.weigher(logits, noise)
        self.rows += weights.shape[0]
        self.totals.append(weights.double().sum(0).cpu())
        return weights

    def chance(self, logits: Tensor) -> Tensor:
        return self.weigher.chance(logits)


def shares(
    model: Model,
    examples: Examples,
    rows: Tensor,
    choices: Mapping[str, Tensor | Weigher],
    decisions: tuple[Decision, ...],
    batch_rows: int,
) -> dict[str, Tensor]:
    """Mean weights of the decisions that examples make, over some rows: [E], of choices [E, N].

    Decisions over the elements of an example are left out: they are other ones in every example.
    """
    counted = {d.name: Counted(w) for d in decisions if by_example(d) and not isinstance(w := choices[d.name], Tensor)}
    if not counted or not rows.numel():
        return {}
    weighers = {**choices, **counted}
    if any(d.given == "objective" for d in decisions):
        _minimized(model, examples, rows, weighers, batch_rows)
    else:
        predicted(model, examples, rows, weighers, batch_rows)
    found = {}
    for decision in decisions:
        own = counted.get(decision.name)
        if own is not None and own.totals and not _runs(decision):
            total = torch.stack(own.totals).sum(0)  # of one element without an axis of its own
            if total.numel() == math.prod(shape(decision)):
                found[decision.name] = (total / own.rows).float().reshape(shape(decision))
    return found


@torch.no_grad()
def _minimized(
    model: Model, examples: Examples, rows: Tensor, choices: Mapping[str, Tensor | Weigher], batch_rows: int
) -> None:
    """The objective of all rows, in evaluation mode: what is decided there is decided nowhere else."""
    model.module.eval()
    examples = examples.of(model.compiled.columns)
    for part in torch.split(rows, batch_rows):
        model.objective(examples.batch(part), choices, {})


def _runs(decision: Decision) -> bool:
    return any("elements(" in axis for axis in decision.axes)

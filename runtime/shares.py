"""What decisions whose logits exist only inside of a model come to: of those that every example makes how often they turned
out on, which a report can say of them as a whole; of those that are made for every value the weights of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision

from .choices import Weigher, by_example, by_value, even, over_elements, shape
from .evaluation import predicted
from .examples import Examples
from .module import Model


@dataclass(slots=True)
class Counted:
    """A weigher that adds up what it answers: `total` [E, …] over `rows` examples."""

    weigher: Weigher
    rows: int = 0
    totals: list[Tensor] = field(default_factory=list)

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        weights = self.weigher(logits, noise, at)
        self.rows += weights.shape[0]
        self.totals.append(weights.double().sum(0).cpu())
        return weights

    def chance(self, logits: Tensor) -> Tensor:
        return self.weigher.chance(logits)


class Listed:
    """A weigher that keeps what it answers for every value of a field: `weights` [E, …], `seen` [E]."""

    def __init__(self, weigher: Weigher, decision: Decision) -> None:
        self.weigher = weigher
        self.weights = torch.zeros(shape(decision))
        self.seen = torch.zeros(decision.elements, dtype=torch.bool)

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        weights = self.weigher(logits, noise, at)
        assert at is not None
        at_P, own = at.flatten().cpu(), weights.detach().flatten(0, at.dim() - 1).cpu()
        new_P = torch.arange(len(at_P))[(at_P >= 0) & ~self.seen[at_P.clamp(min=0)]]
        # The first of equal ones: batches may differ in the last bit, and which is kept must not depend on chance.
        first_E = torch.full((len(self.seen),), len(at_P)).scatter_reduce(0, at_P[new_P], new_P, "amin")
        elements = (first_E < len(at_P)).nonzero().squeeze(1)
        self.weights[elements] = own[first_E[elements]].float()
        self.seen[elements] = True
        return weights

    def chance(self, logits: Tensor) -> Tensor:
        return self.weigher.chance(logits)


def of_values(
    model: Model,
    examples: Examples,
    choices: Mapping[str, Tensor | Weigher],
    decisions: tuple[Decision, ...],
    batch_rows: int,
) -> dict[str, Tensor]:
    """Weights of the decisions that an expression makes for every value: [E], of choices [E, N].

    Training rows hold every value that is known; one that none of them has any more has even weights.
    """
    listed = {d.name: Listed(w, d) for d in decisions if by_value(d) and not isinstance(w := choices[d.name], Tensor)}
    if not listed:
        return {}
    rows = torch.cat([examples.train, examples.stopping])
    predicted(model, examples, rows, {**choices, **listed}, batch_rows)
    whole = {d.name: even(d) for d in decisions if d.name in listed}
    for name, own in listed.items():
        whole[name][own.seen] = own.weights[own.seen]
    return whole


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
        if own is not None and own.totals and not over_elements(decision):
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

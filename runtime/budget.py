"""`require parameters(e) <= 10%`, or `memory(e)`, where gates open and shut the numbers of tables one by one: met exactly, and
of memory as if all rows were compressed, so that never more is taken. E gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from recspace.compiler.budgets import Limit
from recspace.compiler.decisions import Architecture

from .cells import Cells
from .context import Context
from .plain_stages import hand_made


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits, and for each what the numbers that a gate opens take of it: int64 [E] by decision."""

    limits: tuple[Limit, ...]
    counts: tuple[Mapping[str, Tensor], ...]

    def kept(self, opened: Mapping[str, Tensor]) -> list[int]:
        """What every limit counts, where these gates (bool [E]) are open."""
        return [
            limit.taken + sum(int(own[opened[name].cpu()].sum()) for name, own in counts.items())
            for limit, counts in zip(self.limits, self.counts, strict=True)
        ]

    def met(self, opened: Mapping[str, Tensor]) -> bool:
        """Whether gates that are open keep no more than they may."""
        return all(kept <= limit.most for kept, limit in zip(self.kept(opened), self.limits, strict=True))

    def lift(self, margins: Mapping[str, Tensor], done: float) -> float:
        """By how much thresholds have to rise so that no more stays open than is allowed when a share of the steps is
        done: of what is to go, all but (1 − done)³ (Zhu and Gupta, 2017). 0 where they need not."""
        most = 0.0
        for limit, counts in zip(self.limits, self.counts, strict=True):
            margin_E = torch.cat([margins[name].cpu()[own > 0] for name, own in counts.items()])
            left = max(limit.most - limit.taken, 0) // limit.price
            allowed = left + int(max(len(margin_E) - left, 0) * (1 - done) ** 3)
            if int((margin_E > 0).sum()) > allowed:
                most = max(most, float(margin_E.topk(allowed + 1).values[-1]))
        return most

    def chosen(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The gates (bool [E]) that score most, as many as every limit lets open; where it counts none, those above 0."""
        names = sorted(scores)
        sizes = [scores[name].numel() for name in names]
        score_E = torch.cat([scores[name].cpu() for name in names])
        open_E = score_E > -torch.inf
        bound_E = torch.zeros_like(open_E)
        for limit, counts in zip(self.limits, self.counts, strict=True):
            count_E = torch.cat([counts[name] for name in names])
            open_E &= largest(score_E, count_E, limit.most - limit.taken)
            bound_E |= count_E > 0
        open_E &= bound_E | (score_E > 0)
        return dict(zip(names, torch.split(open_E, sizes), strict=True))


def largest(score_E: Tensor, count_E: Tensor, most: int) -> Tensor:
    """The elements (bool [E]) with the largest scores whose counts add up to `most` at most; ties go to the earlier."""
    order = score_E.argsort(descending=True, stable=True)
    fits = count_E[order].cumsum(0) <= most
    found = torch.zeros_like(fits)
    found[order] = fits
    return found


def budget_of(context: Context, cells: Mapping[str, Cells], architecture: Architecture | None = None) -> Budget | None:
    """What the bounds on parameters and memory say of the gates of tables; None where there are none, or others besides."""
    purse = context.purse
    if (
        purse is None
        or not purse.bounds
        or any(bound.measure not in ("parameters", "memory") for bound in purse.bounds)
    ):
        return None
    limits = purse.limits(architecture or hand_made(context))
    counts = tuple({name: own.counts(limit.places) * limit.price for name, own in cells.items()} for limit in limits)
    return Budget(limits, counts)

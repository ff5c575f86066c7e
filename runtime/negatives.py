"""Items that stand for what a user did not choose: drawn for every row of a step, outside the model.

A draw is a function of (seed, stage, step) and of the place of the row in its batch. What the user has among the
training rows is drawn again; who has everything gets whatever is drawn. Letters: B rows, K alternatives of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recspace.compiler.compiled import Ranking

from .catalogue import OTHERS, Catalogue
from .randomness import stream

TRIES = 8
"""Times that what is refused is drawn again, before it is drawn from what is left."""


class Negatives:
    """The draws of one ranking objective over one set of training rows (int64, on the CPU)."""

    def __init__(self, catalogue: Catalogue, train: Tensor, ranking: Ranking) -> None:
        self._catalogue, self._count = catalogue, ranking.negatives
        user, item = catalogue.user[train], catalogue.item[train]
        known = item > 0
        self._taken = torch.unique(_key(user[known], item[known], catalogue.items))
        counts = torch.bincount(item, minlength=catalogue.items + 1)[1:].double()
        weight = counts**ranking.exponent if ranking.sampling == "popularity" else torch.ones_like(counts)
        self._weight = weight if weight.sum() > 0 else torch.ones_like(counts)
        self._even = ranking.sampling == "uniform"
        self._bounds = self._weight.cumsum(0) / self._weight.sum()

    def columns(self, rows_B: Tensor, seed: int, stage: str, step: int) -> dict[str, Tensor]:
        """What the alternatives of the rows have in place of the columns that change with the item, [B K, …] each."""
        items = self.drawn(rows_B, seed, stage, step).reshape(-1)
        replaced = self._catalogue.replaced(rows_B.repeat_interleave(self._count), items)
        return {f"{OTHERS}{key}": column for key, column in replaced.items()}

    def drawn(self, rows_B: Tensor, seed: int, stage: str, step: int) -> Tensor:
        """Items [B, K], in 1..I."""
        generator = stream(seed, stage, step, "negatives")
        user = self._catalogue.user[rows_B].repeat_interleave(self._count)
        item = self._any(user.numel(), generator)
        wrong = self._has(user, item)
        for _ in range(TRIES):
            if not wrong.numel():
                break
            item[wrong] = self._any(wrong.numel(), generator)
            wrong = wrong[self._has(user[wrong], item[wrong])]
        for place in wrong.tolist():
            item[place] = self._left(int(user[place]), int(item[place]), generator)
        return item.view(-1, self._count)

    def _any(self, count: int, generator: torch.Generator) -> Tensor:
        if self._even:
            return torch.randint(1, self._catalogue.items + 1, (count,), generator=generator)
        at = torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self._bounds, at, right=True).clamp(max=self._catalogue.items - 1) + 1

    def _has(self, user: Tensor, item: Tensor) -> Tensor:
        """Where the user has the item already."""
        return contains(self._taken, _key(user, item, self._catalogue.items)).nonzero().squeeze(1)

    def _left(self, user: int, drawn: int, generator: torch.Generator) -> int:
        """An item among those that the user does not have; what was drawn, where there is none."""
        start = user * (self._catalogue.items + 1)
        ends = torch.searchsorted(self._taken, torch.tensor([start, start + self._catalogue.items + 1]))
        weight = self._weight.clone()
        weight[self._taken[ends[0] : ends[1]] - start - 1] = 0
        if not weight.sum() > 0:
            return drawn
        return int(torch.multinomial(weight, 1, generator=generator)) + 1


def _key(user: Tensor, item: Tensor, items: int) -> Tensor:
    return user * (items + 1) + item


def contains(sorted_M: Tensor, values: Tensor) -> Tensor:
    """Whether each value is among the sorted ones: bool, in the shape of `values`."""
    if not sorted_M.numel():
        return torch.zeros_like(values, dtype=torch.bool)
    at = torch.searchsorted(sorted_M, values).clamp(max=sorted_M.numel() - 1)
    return sorted_M[at] == values

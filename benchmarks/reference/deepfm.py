"""DeepFM (Guo et al., IJCAI 2017), equations 1 to 4."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .parts import Table, Tables, layers

UNITS = (400, 400, 400)


def _machine(e_BFn: Tensor) -> Tensor:
    """Rendle's form: half of the square of the sum, minus the sum of the squares."""
    return 0.5 * (e_BFn.sum(1).square() - e_BFn.square().sum(1)).sum(1)


class Loop(nn.Module):
    """Field by field."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed, self.first = Tables([rows] * fields, width), Tables([rows] * fields, 1)
        self.bias = nn.Parameter(torch.zeros(1))
        self.top = layers(fields * width, UNITS)

    def forward(self, ids_BF: Tensor) -> Tensor:
        e, first = self.embed(ids_BF), self.first(ids_BF)
        return self.bias + sum(first).squeeze(1) + _machine(torch.stack(e, 1)) + self.top(torch.cat(e, 1)).squeeze(1)


class Hand(nn.Module):
    """One look-up."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed, self.first = Table([rows] * fields, width), Table([rows] * fields, 1)
        self.bias = nn.Parameter(torch.zeros(1))
        self.top = layers(fields * width, UNITS)

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = self.embed(ids_BF)
        return self.bias + self.first(ids_BF).sum((1, 2)) + _machine(e) + self.top(e.flatten(1)).squeeze(1)

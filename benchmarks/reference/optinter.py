"""OptInter (Lyu et al., ICDE 2022): of every pair a memory, a product and nothing, mixed; then layers."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from .parts import Table, Tables, layers

UNITS = (512, 256)


class Loop(nn.Module):
    """Pair by pair."""

    def __init__(self, fields: int, rows: int, crossed: int, width: int = 16) -> None:
        super().__init__()
        self.pairs = list(combinations(range(fields), 2))
        self.embed, self.factors = Tables([rows] * fields, width), Tables([rows] * fields, width)
        self.memory = Tables([crossed] * len(self.pairs), width)
        self.mixture = nn.Parameter(torch.full((len(self.pairs), 3), 1 / 3))
        self.top = layers((fields + len(self.pairs)) * width, UNITS)

    def forward(self, ids_BF: Tensor, crosses_BP: Tensor) -> Tensor:
        e, g, m = self.embed(ids_BF), self.factors(ids_BF), self.memory(crosses_BP)
        mixed = [self.mixture[k, 0] * m[k] + self.mixture[k, 1] * (g[i] * g[j]) for k, (i, j) in enumerate(self.pairs)]
        return self.top(torch.cat([*e, *mixed], 1)).squeeze(1)


class Hand(nn.Module):
    """All pairs at once."""

    def __init__(self, fields: int, rows: int, crossed: int, width: int = 16) -> None:
        super().__init__()
        left, right = torch.triu_indices(fields, fields, 1)
        self.register_buffer("left", left)
        self.register_buffer("right", right)
        self.embed, self.factors = Table([rows] * fields, width), Table([rows] * fields, width)
        self.memory = Table([crossed] * len(left), width)
        self.mixture = nn.Parameter(torch.full((len(left), 3), 1 / 3))
        self.top = layers((fields + len(left)) * width, UNITS)

    def forward(self, ids_BF: Tensor, crosses_BP: Tensor) -> Tensor:
        g = self.factors(ids_BF)
        product = g.index_select(1, self.left) * g.index_select(1, self.right)
        mixed = self.mixture[:, :1] * self.memory(crosses_BP) + self.mixture[:, 1:2] * product
        return self.top(torch.cat([self.embed(ids_BF), mixed], 1).flatten(1)).squeeze(1)

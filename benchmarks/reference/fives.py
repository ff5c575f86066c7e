"""FIVES (Xie et al., KDD 2021), equations 2 to 5: interactions layer by layer along a soft adjacency tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .parts import Table, Tables

DEPTH = 3


class Loop(nn.Module):
    """Node by node, neighbour by neighbour."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed = Tables([rows] * fields, width)
        self.maps = nn.Parameter(torch.randn(fields, width, width) / width**0.5)
        self.adjacent = nn.Parameter(torch.rand(DEPTH - 1, fields, fields))
        self.out = nn.Linear(DEPTH * fields * width, 1)

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = self.embed(ids_BF)
        moved = [e[j] @ self.maps[j] for j in range(len(e))]
        h, found = e, list(e)
        for a in self.adjacent:
            after = []
            for i in range(len(e)):
                total, weight = torch.zeros_like(e[i]), torch.zeros(())
                for j in range(len(e)):
                    total, weight = total + a[i, j] * moved[j], weight + a[i, j]
                after.append(total / weight.clamp(min=1) * h[i])
            h = after
            found += h
        return self.out(torch.cat(found, 1)).squeeze(1)


class Hand(nn.Module):
    """A layer is two products."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed = Table([rows] * fields, width)
        self.maps = nn.Parameter(torch.randn(fields, width, width) / width**0.5)
        self.adjacent = nn.Parameter(torch.rand(DEPTH - 1, fields, fields))
        self.out = nn.Linear(DEPTH * fields * width, 1)

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = self.embed(ids_BF)
        moved = torch.einsum("bjd,jde->bje", e, self.maps)
        h, found = e, [e]
        for a in self.adjacent:
            share = a / a.sum(1, keepdim=True).clamp(min=1)
            h = torch.einsum("ij,bjd->bid", share, moved) * h
            found.append(h)
        return self.out(torch.cat(found, 1).flatten(1)).squeeze(1)

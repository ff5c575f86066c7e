"""What the reference models share: look-ups as papers' code has them, and as one would write them by hand."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Tables(nn.Module):
    """A table for each field, asked one after the other."""

    def __init__(self, rows: Iterable[int], width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(r, width) for r in rows)

    def forward(self, ids_BF: Tensor) -> list[Tensor]:
        return [table(ids_BF[:, f]) for f, table in enumerate(self.tables)]


class Table(nn.Module):
    """One table for all fields, with offsets: one look-up."""

    def __init__(self, rows: Iterable[int], width: int) -> None:
        super().__init__()
        sizes = torch.tensor(list(rows))
        self.weight = nn.Parameter(torch.randn(int(sizes.sum()), width))
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)

    def forward(self, ids_BF: Tensor) -> Tensor:
        return F.embedding(ids_BF + self.offsets, self.weight)


def layers(inputs: int, units: Iterable[int]) -> nn.Sequential:
    """Rectified layers, and one number at the end."""
    made: list[nn.Module] = []
    for n in units:
        made += [nn.Linear(inputs, n), nn.ReLU()]
        inputs = n
    return nn.Sequential(*made, nn.Linear(inputs, 1))

"""AutoDim (Zhao et al., WWW 2021), equations 1 to 6: embeddings of several widths, brought to one by a layer and a batch
norm, and mixed; then a factorization machine."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .parts import Table, Tables

WIDTHS = (2, 8, 16, 24, 32)
WIDEST = WIDTHS[-1]


class Loop(nn.Module):
    """Field by field, width by width."""

    def __init__(self, fields: int, rows: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(Tables([rows] * fields, w) for w in WIDTHS)
        self.maps = nn.ModuleList(nn.ModuleList(nn.Linear(w, WIDEST) for _ in range(fields)) for w in WIDTHS)
        self.norms = nn.ModuleList(nn.ModuleList(nn.BatchNorm1d(WIDEST) for _ in range(fields)) for _ in WIDTHS)
        self.mixture = nn.Parameter(torch.full((fields, len(WIDTHS)), 1 / len(WIDTHS)))

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = []
        for f in range(ids_BF.shape[1]):
            mixed = torch.zeros(len(ids_BF), WIDEST)
            for k in range(len(WIDTHS)):
                x = self.tables[k].tables[f](ids_BF[:, f])
                mixed = mixed + self.mixture[f, k] * self.norms[k][f](self.maps[k][f](x))
            e.append(mixed)
        total = torch.stack(e).sum(0)
        return 0.5 * (total.square() - sum(x.square() for x in e)).sum(1)


class Hand(nn.Module):
    """Fields at once, width by width."""

    def __init__(self, fields: int, rows: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(Table([rows] * fields, w) for w in WIDTHS)
        self.maps = nn.ParameterList(torch.randn(fields, w, WIDEST) / w**0.5 for w in WIDTHS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(fields * WIDEST) for _ in WIDTHS)
        self.mixture = nn.Parameter(torch.full((fields, len(WIDTHS)), 1 / len(WIDTHS)))

    def forward(self, ids_BF: Tensor) -> Tensor:
        mixed: Tensor | None = None
        for k in range(len(WIDTHS)):
            x = torch.bmm(self.tables[k](ids_BF).transpose(0, 1), self.maps[k]).transpose(0, 1)
            y = self.norms[k](x.flatten(1)).view(x.shape) * self.mixture[:, k, None]
            mixed = y if mixed is None else mixed + y
        assert mixed is not None
        return 0.5 * (mixed.sum(1).square() - mixed.square().sum(1)).sum(1)

"""AutoFIS (Liu et al., KDD 2020), equations 18 to 20: gated inner products of all pairs, each with a batch norm."""

from __future__ import annotations

from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import Table, Tables


class Loop(nn.Module):
    """Pair by pair."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed = Tables([rows] * fields, width)
        self.pairs = list(combinations(range(fields), 2))
        self.norms = nn.ModuleList(nn.BatchNorm1d(1, affine=False) for _ in self.pairs)
        self.gates = nn.Parameter(torch.full((len(self.pairs),), 0.6))

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = self.embed(ids_BF)
        total = torch.zeros(len(ids_BF))
        for k, (i, j) in enumerate(self.pairs):
            product = (e[i] * e[j]).sum(1, keepdim=True)
            total = total + self.gates[k] * self.norms[k](product).squeeze(1)
        return total


class Hand(nn.Module):
    """All of them off the Gram matrix."""

    def __init__(self, fields: int, rows: int, width: int = 16) -> None:
        super().__init__()
        self.embed = Table([rows] * fields, width)
        left, right = torch.triu_indices(fields, fields, 1)
        self.register_buffer("at", left * fields + right)
        self.register_buffer("mean", torch.zeros(len(left)))
        self.register_buffer("var", torch.ones(len(left)))
        self.gates = nn.Parameter(torch.full((len(left),), 0.6))

    def forward(self, ids_BF: Tensor) -> Tensor:
        e = self.embed(ids_BF)
        products = (e @ e.transpose(1, 2)).flatten(1).index_select(1, self.at)
        return F.batch_norm(products, self.mean, self.var, training=True) @ self.gates

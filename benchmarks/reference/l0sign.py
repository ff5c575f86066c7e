"""L0-SIGN (Su et al., AAAI 2021), equations 34 to 37: edges that are predicted, messages along them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import Table

HIDDEN = 32


class _Sign(nn.Module):
    def __init__(self, fields: int, rows: int, width: int = 8) -> None:
        super().__init__()
        self.fields = fields
        self.embed, self.sides = Table([rows] * fields, width), Table([rows] * fields, width)
        self.edge = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(0.5), nn.Linear(HIDDEN, 1))
        self.message = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width))
        self.out = nn.Linear(width, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))


class Loop(_Sign):
    """As message passing: a list of all edges of all graphs, messages scattered to the nodes they go to."""

    def forward(self, ids_BF: Tensor) -> Tensor:
        n = len(ids_BF) * self.fields
        first = torch.arange(n).view(-1, self.fields)
        sender = first.repeat_interleave(self.fields, 1).flatten()
        receiver = first.repeat(1, self.fields).flatten()
        e, s = self.embed(ids_BF).flatten(0, 1), self.sides(ids_BF).flatten(0, 1)
        kept = hard_concrete(self.edge(s[sender] * s[receiver])).squeeze(1)
        messages = self.message(e[sender] * e[receiver]) * kept[:, None]
        total = torch.zeros(n, messages.shape[1]).index_add(0, receiver, messages)
        weight = torch.zeros(n).index_add(0, receiver, kept).clamp(min=1)
        return self.bias + self.out(total / weight[:, None]).view(-1, self.fields).mean(1)


class Hand(_Sign):
    """Every unordered pair once, and the last layer of a message behind the sum over them."""

    def __init__(self, fields: int, rows: int, width: int = 8) -> None:
        super().__init__(fields, rows, width)
        left, right = torch.triu_indices(fields, fields)
        at = torch.empty(fields, fields, dtype=torch.long)
        at[left, right] = at[right, left] = torch.arange(len(left))
        self.register_buffer("left", left)
        self.register_buffer("right", right)
        self.register_buffer("joins", torch.zeros(fields, len(left)).scatter_add(1, at, torch.ones(fields, fields)))

    def forward(self, ids_BF: Tensor) -> Tensor:
        e, s = self.embed(ids_BF), self.sides(ids_BF)
        kept = hard_concrete(self.edge(s.index_select(1, self.left) * s.index_select(1, self.right))).squeeze(-1)
        hidden = torch.relu(self.message[0](e.index_select(1, self.left) * e.index_select(1, self.right)))
        weight = F.linear(kept, self.joins)
        divisor = weight.clamp(min=1)[..., None]
        total = torch.einsum("fp,bph->bfh", self.joins, kept[..., None] * hidden)
        last = self.message[2]
        h = F.linear(total / divisor, last.weight) + last.bias * (weight[..., None] / divisor)
        return self.bias + self.out(h).squeeze(-1).mean(1)


def hard_concrete(logits: Tensor) -> Tensor:
    """Louizos et al., ICLR 2018: temperature 0.66, stretched to (−0.1, 1.1)."""
    u = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
    s = torch.sigmoid((logits + u.log() - (1 - u).log()) / 0.66)
    return (s * 1.2 - 0.1).clamp(0, 1)

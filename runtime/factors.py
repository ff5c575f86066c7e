"""Logits of a decision of sets, made of factors that its elements share: `factored symmetric(rank = R)`.

G groups (an order k each), R terms, F members, E elements (sets), N options.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision, Factors

from .choices import kind, width

START = 0.5
"""Where factors start if a recipe's `initial` is 0: products of zeros have no gradient. It is PROFIT's own start, too."""


def factors_shape(decision: Decision, factors: Factors) -> tuple[int, ...]:
    """[G, R, F]; of choices [G, R, F, N], for every option factors of its own."""
    own = (len(factors.groups), factors.rank, len(factors.members))
    return own if kind(decision).name == "gate" else (*own, width(decision))


def factors_start(shape: tuple[int, ...], initial: float, spread: float, generator: torch.Generator) -> Tensor:
    """initial + N(0, spread²); the paper's 0.5 + N(0, 0.001²) for `initial = 0.5` (read from AutoDSN)."""
    return (initial or START) + spread * torch.randn(shape, generator=generator)


class Logits:
    """β → logit(s) = Σ_r Π_{f in s} β^{g(s),r}_f for every set s at once; pure, O(E·R·k)."""

    def __init__(self, factors: Factors, device: torch.device) -> None:
        members, most = len(factors.members), max(map(len, factors.sets), default=0)
        beyond = len(factors.groups) * members  # a row of ones, so that sets may be of unequal sizes
        rows_EK = torch.full((len(factors.sets), most), beyond, dtype=torch.long)
        for element, (own, group) in enumerate(zip(factors.sets, factors.group_of, strict=True)):
            rows_EK[element, : len(own)] = torch.tensor(own, dtype=torch.long) + group * members
        self._rows_KE = rows_EK.T.contiguous().to(device)

    def __call__(self, factors_GRF: Tensor) -> Tensor:
        """Logits [E]; of choices [E, N]."""
        table = factors_GRF.transpose(1, 2).flatten(0, 1)
        table = torch.cat([table, torch.ones_like(table[:1])])
        product = table.new_ones(self._rows_KE.shape[1], *table.shape[1:])
        for rows_E in self._rows_KE:
            product = product * table.index_select(0, rows_E)
        return product.sum(1)

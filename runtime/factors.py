"""Logits of a decision of sets, made of factors that its elements share: `factored symmetric(rank = R)`.

G groups (an order k each), R terms, F members, E elements (sets), N options.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision, Factors, Ranks

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
        self._group_E = torch.tensor(factors.group_of, dtype=torch.long, device=device)

    def __call__(self, factors_GRF: Tensor, terms_GR: Tensor | None = None) -> Tensor:
        """Logits [E]; of choices [E, N]. `terms_GR`: how much every term counts, where the rank is searched."""
        table = factors_GRF.transpose(1, 2).flatten(0, 1)
        table = torch.cat([table, torch.ones_like(table[:1])])
        product = table.new_ones(self._rows_KE.shape[1], *table.shape[1:])
        for rows_E in self._rows_KE:
            product = product * table.index_select(0, rows_E)
        if terms_GR is not None:
            terms_ER = terms_GR.index_select(0, self._group_E)
            product = product * (terms_ER if product.dim() == 2 else terms_ER.unsqueeze(-1))
        return product.sum(1)


class Terms:
    """Weights of a rank → how much every term counts: term r as much as all ranks from r on, Σ_{n ≥ r} w(R = n).

    So a rank of one option alone counts its first terms wholly, and no others.
    """

    def __init__(self, ranks: Ranks, most: int, device: torch.device) -> None:
        options = max(map(len, ranks.options))
        counts_GNR = torch.zeros(len(ranks.options), options, most)
        for group, own in enumerate(ranks.options):
            for position, rank in enumerate(own):
                counts_GNR[group, position, :rank] = 1
        self.decision = ranks.decision
        self._counts_GNR = counts_GNR.to(device)
        self._element_G = torch.tensor(ranks.elements, dtype=torch.long, device=device)

    def __call__(self, weights_EN: Tensor) -> Tensor:
        """[G, R]."""
        own_GN = weights_EN.index_select(0, self._element_G)[:, : self._counts_GNR.shape[1]]
        return torch.einsum("gn,gnr->gr", own_GN, self._counts_GNR.to(own_GN))

"""What a relaxation does to training besides weighing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor


class Shaping(Protocol):
    """A term of the loss, what follows a step, and how gradients of decisions are normalized."""

    @property
    def blocks(self) -> Mapping[str, Tensor]:
        """Of decisions whose gradients are normalized block by block, the block of every element [E]."""
        ...

    def penalty(self) -> Tensor | None: ...

    def moved(self, rate: float) -> None:
        """The weights have made a step at that rate of their step size; 0 where the decisions alone have."""
        ...


def normalized(gradient: Tensor, block_E: Tensor | None) -> Tensor:
    """A gradient [E, …] divided by its mean size, of every block on its own."""
    if block_E is None or block_E.shape[0] != gradient.shape[0]:
        return gradient / (gradient.abs().mean() + 1e-8)
    size_E = gradient.abs().reshape(gradient.shape[0], -1).mean(1)
    zeros_S = torch.zeros(int(block_E.max()) + 1, device=gradient.device)
    mean_S = zeros_S.scatter_reduce(0, block_E, size_E, "mean", include_self=False)
    return gradient / (mean_S[block_E].view(-1, *(1,) * (gradient.dim() - 1)) + 1e-8)

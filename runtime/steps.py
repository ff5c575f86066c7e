"""What a relaxation is told besides logits and noise, and what relaxations have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """`index` out of 0 … total − 1 steps of a stage. Not `training`: what is asked for is without noise."""

    index: int
    total: int
    training: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """How weights of a decision are shaped: gates [E], choices [E, N], inclusion of `size` members [E, N]; of `sizes`
    members [E] where elements differ in it."""

    name: Literal["gate", "choice", "subset"]
    size: int = 1
    sizes: tuple[int, ...] = ()

    def sizes_of(self, weights_EN: Tensor) -> Tensor:
        """How many members there are [E, 1]."""
        sizes = self.sizes or (self.size,) * weights_EN.shape[0]
        return torch.tensor(sizes, dtype=weights_EN.dtype, device=weights_EN.device).unsqueeze(-1)


def spread_over(weights_EN: Tensor, kind: Kind) -> Tensor:
    """Inclusion weights of members from weights that sum to one, none above 1."""
    return (weights_EN * kind.sizes_of(weights_EN)).clamp(max=1.0)


def largest(weights: Tensor, kind: Kind) -> Tensor:
    """1 for the option that weighs most, of a set for as many members as it has, 0 for the others; a tie goes to the
    earlier one. What weighs less than any number (−inf) is never in a set."""
    if kind.name != "subset":
        return torch.zeros_like(weights).scatter(-1, weights.argmax(-1, keepdim=True), 1.0)
    rank_EN = weights.argsort(dim=-1, descending=True, stable=True).argsort(-1)
    return ((rank_EN < kind.sizes_of(weights)) & weights.isfinite()).to(weights.dtype)


def hardened(weights: Tensor, kind: Kind) -> Tensor:
    """0 and 1 forward, the gradient of the soft weights backward (straight-through)."""
    if kind.name == "gate":
        hard = (weights > 0.5).to(weights.dtype)
    else:
        hard = largest(weights, kind)
    return hard + weights - weights.detach()

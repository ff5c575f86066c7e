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
    """How weights of a decision are shaped: gates [E], choices [E, N], inclusion of `size` members [E, N]."""

    name: Literal["gate", "choice", "subset"]
    size: int = 1


def spread_over(weights_EN: Tensor, size: int) -> Tensor:
    """Inclusion weights of `size` members from weights that sum to one, none above 1."""
    return (weights_EN * size).clamp(max=1.0)


def hardened(weights: Tensor, kind: Kind) -> Tensor:
    """0 and 1 forward, the gradient of the soft weights backward (straight-through)."""
    if kind.name == "gate":
        hard = (weights > 0.5).to(weights.dtype)
    else:
        top = weights.topk(kind.size, -1).indices
        hard = torch.zeros_like(weights).scatter(-1, top, 1.0)
    return hard + weights - weights.detach()

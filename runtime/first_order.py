"""A first-order model by block Newton steps: a weight for every value of every field, one field after the other.

    answer = σ(b + Σ_f w_f[x_f])  for labels of 0 and 1,   b + Σ_f w_f[x_f]  for numbers

What is left of the labels is what interactions have to explain. Letters: F fields, N rows, V values of a field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .agreement import Values

RIDGE = 1.0
"""Weights are held to 0 as by a normal prior of variance 1, as in field-wise regression."""
LARGEST = 2.0
NEAR = 1e-6


def base(label_N: Tensor, weight_N: Tensor, binary: bool) -> float:
    """b: the logit of the share of positives, or the mean."""
    share = float((label_N * weight_N).sum() / weight_N.sum())
    if not binary:
        return share
    share = min(max(share, NEAR), 1 - NEAR)
    return math.log(share / (1 - share))


def summed(fields: Sequence[Values], weights: Sequence[Tensor], b: float) -> Tensor:
    """b + Σ_f w_f[x_f] for every row, float64."""
    total_N = torch.full_like(fields[0].ranks, b, dtype=torch.float64)
    for field, w_V in zip(fields, weights, strict=True):
        total_N = total_N + w_V[field.ranks]
    return total_N


def residuals(label_N: Tensor, weight_N: Tensor, total_N: Tensor, binary: bool) -> Tensor:
    """Weight · (label − answer): the negative gradient of the loss."""
    return weight_N * (label_N - (torch.sigmoid(total_N) if binary else total_N))


def passed(
    fields: Sequence[Values], weights: Sequence[Tensor], label_N: Tensor, weight_N: Tensor, b: float, binary: bool
) -> list[Tensor]:
    """The weights [V] of every field after one more Newton step of each."""
    total_N, found = summed(fields, weights, b), []
    for field, w_V in zip(fields, weights, strict=True):
        r_N = residuals(label_N, weight_N, total_N, binary)
        p_N = torch.sigmoid(total_N)
        curve_N = weight_N * p_N * (1 - p_N) if binary else weight_N
        slope_V = torch.bincount(field.ranks, r_N, field.count) - RIDGE * w_V
        step_V = slope_V / (torch.bincount(field.ranks, curve_N, field.count) + RIDGE)
        step_V = step_V.clamp(-LARGEST, LARGEST) if binary else step_V
        found.append(w_V + step_V)
        total_N = total_N + step_V[field.ranks]
    return found

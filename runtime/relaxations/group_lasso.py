"""group_lasso: a gate closes when the norm of the rows that it gates is driven to zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "group_lasso",
    "A gate closes when the norm of the rows that it gates is driven to zero (Yuan and Lin, 2006; SFM)",
    (Option("strength", "real", 0.001, low=0.0, doc="of the penalty on the norms, each times the root of its size"),),
    frozenset({"gate"}),
    per_value=True,
    gated=True,
)


def relax(thresholds: Tensor, gated: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E], all 1: it is the rows that shrink, and one that vanished comes back where the loss draws it."""
    return gated.new_ones(gated.shape)


def margin(thresholds: Tensor, gated: Tensor) -> Tensor:
    """The norms themselves."""
    return gated


def shrink(norm_E: Tensor, count_E: Tensor, rate: float, options: Mapping[str, Any]) -> Tensor:
    """The proximal step of λ Σ √p ‖w‖: factors [E] max(0, 1 − η λ √p / ‖w‖) for groups of p numbers."""
    less = rate * options["strength"] * count_E.sqrt()
    factors: Tensor = (1 - less / norm_E.clamp(min=1e-30)).clamp(min=0)
    return factors

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
    """How far norms are from what an optimizer's steps around zero come to."""
    result: Tensor = gated - thresholds
    return result


def penalty(norm_E: Tensor, count_E: Tensor, options: Mapping[str, Any]) -> Tensor:
    """λ Σ √p ‖w‖ over groups of p numbers."""
    result: Tensor = options["strength"] * (count_E.sqrt() * norm_E).sum()
    return result

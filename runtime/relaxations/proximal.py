"""proximal: forward with one option alone, gradients on continuous weights clipped to [0, 1] (NASP, AAAI 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "proximal",
    "Forward with one option alone, gradients on continuous weights clipped to [0, 1] (NASP, AAAI 2020)",
    (
        Option("initial", "real", 0.5, low=0.0, high=1.0, doc="where weights start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    per_value=True,
)


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """0 and 1: gates [E] on above one half, of choices [E, N] the largest, of sets as many as they have members.

    The gradient by these is that of the continuous weights: the proximal step to one option is taken before a gradient
    and undone after it (algorithm 1). −inf: no such option. `noise` is not used.
    """
    from ..steps import largest

    weights = logits.masked_fill(logits.isinf(), 0.0)
    hard = (weights > 0.5).to(weights.dtype) if kind.name == "gate" else largest(logits, kind)
    return hard + (weights - weights.detach())


def likely(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """The continuous weights: gates [E] as they are, of choices [E, N] as shares."""
    weights = logits.masked_fill(logits.isinf(), 0.0).clamp(0.0, 1.0)
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-12) if kind.name == "choice" else weights


def bounded(logits: Tensor) -> Tensor:
    """What continuous weights are after a step: the proximal step to [0, 1]."""
    return logits.clamp(0.0, 1.0)

"""hard_concrete: gates that are exactly 0 or 1 with some chance, and a differentiable count of the open ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "hard_concrete",
    "Stretched binary concrete, clamped, with its expected L0 norm (Louizos et al., ICLR 2018)",
    (
        Option("temperature", "schedule", 0.66, low=1e-6, doc="of the concrete distribution"),
        Option(
            "stretch",
            "interval",
            [-0.1, 1.1],
            doc="the interval before it is clamped to [0, 1]: from below 0 to above 1",
        ),
        Option("initial", "real", 0.0, doc="where logits start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate"}),
    per_value=True,
    per_example=True,
)

SMALLEST = 1e-7


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates of the shape of `logits`: clamp(σ((l + ln u − ln(1 − u)) / τ) · (ζ − γ) + γ, 0, 1), equations 10 and 11.

    `noise` u is uniform in [0, 1). In evaluation there is none, and no temperature: clamp(σ(l) · (ζ − γ) + γ, 0, 1),
    equation 13.
    """
    low, high = options["stretch"]
    if step.training:
        u = noise.clamp(SMALLEST, 1 - SMALLEST)
        temperature = options["temperature"].at(step.index, step.total)
        concrete = ((logits + u.log() - (-u).log1p()) / temperature).sigmoid()
    else:
        concrete = logits.sigmoid()
    gates: Tensor = (concrete * (high - low) + low).clamp(0.0, 1.0)
    return gates


def chance(logits: Tensor, step: Step, options: Mapping[str, Any]) -> Tensor:
    """How likely each gate is not 0: σ(l − τ ln(−γ / ζ)), equation 12."""
    low, high = options["stretch"]
    temperature = options["temperature"].at(step.index, step.total)
    open_: Tensor = (logits - temperature * math.log(-low / high)).sigmoid()
    return open_

"""gumbel: samples of a softened choice, so that learning sees what the chosen option alone would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "gumbel",
    "Gumbel-softmax (Jang et al., Maddison et al., ICLR 2017); binary concrete for gates",
    (
        Option("temperature", "schedule", 1.0, low=1e-6, doc="1.0 -> 0.1 moves in equal steps over the stage"),
        Option(
            "straight_through", "flag", False, doc="forward with the sample's largest alone, gradients of the soft one"
        ),
        Option("initial", "real", 0.0, doc="where logits start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range"}),
    per_value=True,
    per_example=True,
)

SMALLEST = 1e-7


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E]: σ((l + ln u − ln(1 − u)) / τ); choices [E, N]: softmax((log p − ln(−ln u)) / τ).

    `noise` u is uniform in [0, 1), of the shape of `logits`. In evaluation (`step.training` false) there is none: the
    softmax at the temperature reached.
    """
    from ..steps import hardened

    temperature = options["temperature"].at(step.index, step.total)
    u = noise.clamp(SMALLEST, 1 - SMALLEST)
    if kind.name == "gate":
        logistic = u.log() - (-u).log1p() if step.training else 0.0
        weights = ((logits + logistic) / temperature).sigmoid()
    else:
        gumbel = -(-u.log()).log() if step.training else 0.0
        weights = ((logits.log_softmax(-1) + gumbel) / temperature).softmax(-1)
    return hardened(weights, kind) if options["straight_through"] else weights

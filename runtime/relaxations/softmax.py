"""softmax: weights of a choice are the softmax of its logits; a gate's is the softmax of (0, logit)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "softmax",
    "Softmax of the logits divided by a temperature (DARTS)",
    (
        Option("temperature", "schedule", 1.0, low=1e-6, doc="the smaller, the harder"),
        Option("straight_through", "flag", False, doc="forward with the largest alone, gradients of the mixture"),
        Option("initial", "real", 0.0, doc="where logits start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    per_value=True,
    per_example=True,
)


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E] -> chance of `on` [E]; choices [E, N] -> weights [E, N] that sum to one, −inf logits weigh 0.

    Subsets [E, N]: members compete; as many times the softmax as there are members, at most 1. `noise` is not used.
    """
    from ..steps import hardened, spread_over

    scaled = logits / options["temperature"].at(step.index, step.total)
    if kind.name == "gate":
        weights = scaled.sigmoid()
    elif kind.name == "subset":
        weights = spread_over(scaled.softmax(-1), kind)
    else:
        weights = scaled.softmax(-1)
    return hardened(weights, kind) if options["straight_through"] else weights

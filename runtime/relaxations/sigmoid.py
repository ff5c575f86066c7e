"""sigmoid: gates between 0 and 1, hardened by a falling temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "sigmoid",
    "σ(logit / τ) for each gate, and for each member of a set on its own (FIVES)",
    (
        Option("temperature", "schedule", 1.0, low=1e-6, doc="1.0 -> 0.02 moves in equal steps over the stage"),
        Option("initial", "real", 0.0, doc="where logits start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate", "subset"}),
    per_value=True,
    per_example=True,
)


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E] -> [E] in (0, 1); subsets [E, N] -> inclusion weights [E, N], −inf logits weigh 0."""
    temperature: float = options["temperature"].at(step.index, step.total)
    return (logits / temperature).sigmoid()

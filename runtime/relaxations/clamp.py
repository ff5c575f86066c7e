"""clamp: gates that are numbers between 0 and 1, brought back there after every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "clamp",
    "Gates clamped to [0, 1] after every step (DNIS)",
    (
        Option("initial", "real", 1.0, doc="where gates start"),
        Option("l1", "real", 0.0, low=0.0, doc="penalty on their sum"),
    ),
    frozenset({"gate"}),
    per_value=True,
)


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E] between 0 and 1. What is beyond (logits that are made of factors alone) keeps its gradient."""
    return logits + (logits.clamp(0.0, 1.0) - logits).detach()


def bounded(logits: Tensor) -> Tensor:
    """What gates are after a step, equation 16."""
    return logits.clamp(0.0, 1.0)


def penalty(logits: Tensor, options: Mapping[str, Any]) -> Tensor:
    """λ Σ |gate|."""
    result: Tensor = options["l1"] * logits.abs().sum()
    return result

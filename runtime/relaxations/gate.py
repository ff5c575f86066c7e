"""gate: a gate is a plain number that multiplies what it gates, of any size and sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "gate",
    "Raw gates without squashing (AutoFIS, KDD 2020): zero drops, a negative weight does not",
    (
        Option("initial", "real", 0.6, doc="where gates start"),
        Option("spread", "real", 0.001, low=0.0, doc="half the width of the uniform noise on the start"),
    ),
    frozenset({"gate"}),
    per_value=True,
    identity=True,
)


def relax(logits: Tensor, noise: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E] as they are."""
    return logits

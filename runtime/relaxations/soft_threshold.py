"""soft_threshold: numbers of a table that stay below a learned threshold are gone, the others come nearer to zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Relaxation

if TYPE_CHECKING:
    from torch import Tensor

    from ..steps import Kind, Step

promise = Relaxation(
    "soft_threshold",
    "sign(E) · ReLU(|E| − σ(s)) on the tensor that is gated (PEP, ICLR 2021); ends when a `require` on parameters is met",
    (
        Option(
            "granularity",
            "label",
            "dimension",
            ("global", "field", "value", "dimension", "both"),
            doc="how many thresholds there are; both: one for every value and dimension",
        ),
        Option("initial", "real", -15.0, doc="where thresholds start, before the sigmoid"),
    ),
    frozenset({"gate"}),
    per_value=True,
    gated=True,
)

SMALLEST = 1e-12


def relax(thresholds: Tensor, gated: Tensor, step: Step, kind: Kind, options: Mapping[str, Any]) -> Tensor:
    """Gates [E] in [0, 1) that make sign(E) · ReLU(|E| − σ(s)) of the numbers E that they multiply, equation 6."""
    size = gated.abs()
    gates: Tensor = (size - thresholds.sigmoid()).relu() / size.clamp(min=SMALLEST)
    return gates


def margin(thresholds: Tensor, gated: Tensor) -> Tensor:
    """|E| − σ(s): what is above 0 stays."""
    result: Tensor = gated.abs() - thresholds.sigmoid()
    return result

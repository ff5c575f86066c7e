"""bias(): a learned number, the same for every example. Starts at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes
from recspace.compiler.promise import Initial, Operator, Options, Weight
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return NUMBER


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    return (Weight("bias", (1,), Initial("constant", 0.0)),)


promise = Operator(
    name="bias",
    doc="A learned number, the same for every example.",
    inputs=(),
    shape=_shape,
    weights=_weights,
    structural=True,
)


def bias(bias_1: Tensor) -> Tensor:
    """[1] → the number itself, without a batch axis: it broadcasts. In a family [N, 1] → [N]."""
    return bias_1.squeeze(-1)

"""mse: the objective for ratings. B batch. One number for each row, as in logloss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, number_like
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    number_like(shapes, 0, "mse")
    return NUMBER


promise = Operator(
    name="mse",
    doc="The squared difference between label and prediction.",
    inputs=("prediction", "label"),
    shape=_shape,
    structural=True,
)


def mse(prediction_B: Tensor, label_B: Tensor) -> Tensor:
    """[B] twice → [B]."""
    return (prediction_B - label_B).square()

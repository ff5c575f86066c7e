"""hinge(y, p): max(0, 1 − s t) for label and probability brought from [0, 1] to s, t in [−1, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("hinge", shapes)


promise = Operator(
    name="hinge",
    doc="The hinge loss of a label and a probability, both brought from 0..1 to −1..1.",
    inputs=("y", "p"),
    options=(),
    shape=_shape,
    elementwise=True,
)


def hinge(y: Tensor, p: Tensor) -> Tensor:
    """Any shape, twice → the same."""
    return torch.relu(1 - (2 * y - 1) * (2 * p - 1))

"""absolute(y, p): the size of the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("absolute", shapes)


promise = Operator(
    name="absolute",
    doc="The size of the difference of label and prediction.",
    inputs=("y", "p"),
    options=(),
    shape=_shape,
    elementwise=True,
)


def absolute(y: Tensor, p: Tensor) -> Tensor:
    """Any shape, twice → the same."""
    return (y - p).abs()

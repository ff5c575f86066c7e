"""flatten(x): the rows of a matrix one after another. B batch, R rows, n columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape, vector

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    shape = of_kind(shapes, 0, "flatten", "matrix")
    return vector(shape.dims[0] * shape.dims[1])


promise = Operator(
    name="flatten",
    doc="One vector of all rows.",
    inputs=("x",),
    shape=_shape,
    zero_preserving=True,
    linear=True,
    masked=True,
)


def flatten(x_BRn: Tensor) -> Tensor:
    """[B, …, R, n] → [B, …, R n]."""
    return x_BRn.flatten(-2)

"""softmax(x): positive numbers that add up to one, along the last axis. B batch, N family, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, fixed, numbers, of_kind
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    shape = of_kind(shapes, 0, "softmax", "vector", "matrix", "sequence")
    fixed(shape.last, "softmax", "width")  # numbers that are masked would have a share of the sum
    return shape


def _flops(shapes: Shapes, options: Options) -> int:
    return 3 * numbers(shapes[0])


promise = Operator(
    name="softmax",
    doc="exp(x), divided by the sum of it over the vector.",
    inputs=("x",),
    shape=_shape,
    flops=_flops,
)


def softmax(x_Bn: Tensor) -> Tensor:
    """[B, …, n] → the same shape."""
    return torch.softmax(x_Bn, -1)

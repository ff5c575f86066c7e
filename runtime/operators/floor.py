"""floor(x): the greatest whole number that is not larger; its gradient is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, same
from recspace.compiler.promise import Operator, Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(shapes[0])


promise = Operator(
    name="floor",
    doc="Rounded down.",
    inputs=("x",),
    shape=same,
    flops=_flops,
    elementwise=True,
    zero_preserving=True,
    masked=True,
)


def floor(x: Tensor) -> Tensor:
    """Any shape → the same."""
    return torch.floor(x)

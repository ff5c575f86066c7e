"""exp(x): the exponential function."""

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
    name="exp",
    doc="e to the power x.",
    inputs=("x",),
    shape=same,
    flops=_flops,
    elementwise=True,
    masked=True,
)


def exp(x: Tensor) -> Tensor:
    """Any shape → the same."""
    return torch.exp(x)

"""log(x): the natural logarithm; of 0 it is −∞, of less it is not a number."""

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
    name="log",
    doc="Natural logarithm.",
    inputs=("x",),
    shape=same,
    flops=_flops,
    elementwise=True,
    masked=True,
)


def log(x: Tensor) -> Tensor:
    """Any shape → the same."""
    return torch.log(x)

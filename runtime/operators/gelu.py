"""gelu(x): Gaussian error linear unit (Hendrycks and Gimpel, 2016), exact form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, same
from recspace.compiler.promise import Operator, Options

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _flops(shapes: Shapes, options: Options) -> int:
    return 8 * numbers(shapes[0])


promise = Operator(
    name="gelu",
    doc="x times the normal distribution function of x.",
    inputs=("x",),
    shape=same,
    flops=_flops,
    elementwise=True,
    zero_preserving=True,
    masked=True,
)


def gelu(x: Tensor) -> Tensor:
    """Any shape → the same."""
    return F.gelu(x)

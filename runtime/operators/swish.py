"""swish(x): x times its logistic function (Ramachandran et al., 2017, with β = 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, same
from recspace.compiler.promise import Operator, Options

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _flops(shapes: Shapes, options: Options) -> int:
    return 5 * numbers(shapes[0])


promise = Operator(
    name="swish",
    doc="x · sigmoid(x).",
    inputs=("x",),
    shape=same,
    flops=_flops,
    elementwise=True,
    zero_preserving=True,
    masked=True,
)


def swish(x: Tensor) -> Tensor:
    """Any shape → the same."""
    return F.silu(x)

"""dropout(x, rate): Srivastava et al., JMLR 2014, scaled while training. The noise comes from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, same
from recspace.compiler.promise import Noise, Operator, Option, Options

if TYPE_CHECKING:
    from torch import Tensor


def _flops(shapes: Shapes, options: Options) -> int:
    return 0  # nothing is left of it in a derived model


promise = Operator(
    name="dropout",
    doc="While training, sets a share of the numbers to 0 and divides the others by the share that is kept.",
    inputs=("x",),
    options=(Option("rate", "real", low=0, high=0.99, doc="share of numbers that is dropped"),),
    shape=same,
    noise=(Noise("noise", 0),),
    flops=_flops,
    elementwise=True,
    zero_preserving=True,
    linear=True,
    masked=True,
    uses_training=True,
)


def dropout(x: Tensor, *, rate: float, noise: Tensor | None, training: bool) -> Tensor:
    """Any shape → the same. `noise`: uniform in [0, 1), shaped like x; needed while training only."""
    if not training or noise is None:
        return x
    return x * (noise >= rate) / (1 - rate)

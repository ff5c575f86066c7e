"""huber(y, p, delta = 1): half the squared difference up to δ, beyond it a line (Huber, 1964)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("huber", shapes)


promise = Operator(
    name="huber",
    doc="Half the squared difference of label and prediction where it is small, a line where it is large.",
    inputs=("y", "p"),
    options=(Option("delta", "real", 1, low=0, doc="up to which difference it is squared"),),
    shape=_shape,
    elementwise=True,
)


def huber(y: Tensor, p: Tensor, *, delta: float) -> Tensor:
    """Any shape, twice → the same: d²/2 for d = |y − p| up to δ, beyond it δ (d − δ/2)."""
    d = (y - p).abs()
    near = d.clamp(max=delta)
    return near * (d - near / 2)

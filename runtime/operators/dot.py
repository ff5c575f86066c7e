"""dot(a, b): the inner product of two vectors. B batch, N family, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind, one_width
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import NUMBER, Shape, widest

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    left, right = (of_kind(shapes, k, "dot", "vector") for k in (0, 1))
    one_width(left, right, "dot")
    return NUMBER


def _flops(shapes: Shapes, options: Options) -> int:
    return max(2 * widest(shapes[0].last) - 1, 0)


promise = Operator(
    name="dot",
    doc="The inner product of two vectors of one width.",
    inputs=("a", "b"),
    shape=_shape,
    flops=_flops,
    zero_preserving=True,
    linear=True,
    masked=True,
)


def dot(a_Bn: Tensor, b_Bn: Tensor) -> Tensor:
    """[B, (N,) n] twice → [B, (N)]."""
    return (a_Bn * b_Bn).sum(-1)

"""l2(x): the mean square, a penalty. B batch, N family, L positions, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    of_kind(shapes, 0, "l2", "number", "vector", "sequence", help="`l2(flatten(x))` runs over all rows")
    return NUMBER


promise = Operator(
    name="l2",
    doc="The mean of the squared numbers.",
    inputs=("x",),
    shape=_shape,
    zero_preserving=True,
    lifts=True,
    present=True,
)


def l2(x_Bn: Tensor, *, present: Tensor | None = None) -> Tensor:
    """[B, (N,) n] → [B, (N,) 1]; of a sequence [B, (N,) L, n] the mean over the elements that there are."""
    if present is None:
        return x_Bn.square().mean(-1, keepdim=True)
    there_BL = present.to(x_Bn.dtype)
    return (x_Bn.square().mean(-1) * there_BL).sum(-1, keepdim=True) / there_BL.sum(-1, keepdim=True).clamp(min=1)

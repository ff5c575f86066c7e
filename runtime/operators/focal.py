"""focal(y, p, gamma = 2): Lin et al., ICCV 2017, without its weight α. A probability of 0 counts as 1e-37."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("focal", shapes)


promise = Operator(
    name="focal",
    doc="Cross-entropy in which examples that are predicted well hardly count.",
    inputs=("y", "p"),
    options=(Option("gamma", "real", 2, low=0, doc="how little a well-predicted example counts"),),
    shape=_shape,
    elementwise=True,
)


def focal(y: Tensor, p: Tensor, *, gamma: float) -> Tensor:
    """Any shape, twice → the same."""
    hit = -y * (1 - p) ** gamma * torch.log(p.clamp(min=1e-37))
    return hit - (1 - y) * p**gamma * torch.log((1 - p).clamp(min=1e-37))

"""kl(y, p): y log(y/p) + (1 − y) log((1 − y)/(1 − p)) for a label in [0, 1] and a predicted probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("kl", shapes)


promise = Operator(
    name="kl",
    doc="Kullback-Leibler divergence of the prediction from the label; for labels 0 and 1 it is the cross-entropy.",
    inputs=("y", "p"),
    options=(),
    shape=_shape,
    elementwise=True,
)


def kl(y: Tensor, p: Tensor) -> Tensor:
    """Any shape, twice → the same. A probability of 0 counts as 1e-37."""
    hit = torch.xlogy(y, y) - y * torch.log(p.clamp(min=1e-37))
    return hit + torch.xlogy(1 - y, 1 - y) - (1 - y) * torch.log((1 - p).clamp(min=1e-37))

"""cross_entropy(y, p): of a label in [0, 1] and a predicted probability. A probability of 0 counts as 1e-37."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, pair_of_numbers
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return pair_of_numbers("cross_entropy", shapes)


promise = Operator(
    name="cross_entropy",
    doc="Minus the log of the probability that was predicted for the label.",
    inputs=("y", "p"),
    options=(),
    shape=_shape,
    elementwise=True,
)


def cross_entropy(y: Tensor, p: Tensor) -> Tensor:
    """Any shape, twice → the same."""
    return -y * torch.log(p.clamp(min=1e-37)) - (1 - y) * torch.log((1 - p).clamp(min=1e-37))


def cross_entropy_with_logits(y: Tensor, z: Tensor) -> Tensor:
    """The same for p = sigmoid(z), exact for large z."""
    return F.softplus(z) - y * z

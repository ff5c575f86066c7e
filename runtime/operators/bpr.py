"""bpr(negatives = 1): Bayesian personalised ranking (Rendle et al., UAI 2009). B batch, K negatives.

The prediction is a score. For every row the model is also applied to K other items, drawn outside: never one that its
user has in the training rows. The term that is minimised is the mean over rows, each times its sample weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, number_like
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    number_like(shapes, 0, "bpr")
    return NUMBER


promise = Operator(
    name="bpr",
    doc="How far the item that was chosen is from being scored above others, drawn at random.",
    inputs=("prediction",),
    options=(
        Option("negatives", "whole", 1, low=1, doc="items drawn for each row"),
        Option("sampling", "label", "uniform", ("uniform", "popularity"), doc="all items alike, or by training counts"),
        Option("exponent", "real", 0.75, low=0.0, doc="of the counts, where the sampling goes by popularity"),
    ),
    shape=_shape,
    structural=True,
)


def bpr(positive_B: Tensor, negative_BK: Tensor) -> Tensor:
    """Scores [B] and [B, K] → [B]: the mean of −log sigmoid(positive − negative)."""
    return F.softplus(negative_BK - positive_B.unsqueeze(-1)).mean(-1)

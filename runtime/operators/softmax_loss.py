"""softmax_loss(negatives = 16): cross-entropy of the chosen item among drawn ones. B batch, K negatives.

The prediction is a score. For every row the model is also applied to K other items, drawn outside: never one that its
user has in the training rows. The term that is minimised is the mean over rows, each times its sample weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, number_like
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    number_like(shapes, 0, "softmax_loss")
    return NUMBER


promise = Operator(
    name="softmax_loss",
    doc="Minus the log of the share that the chosen item has in the softmax of its score and those of others.",
    inputs=("prediction",),
    options=(
        Option("negatives", "whole", 16, low=1, doc="items drawn for each row"),
        Option("sampling", "label", "uniform", ("uniform", "popularity"), doc="all items alike, or by training counts"),
        Option("exponent", "real", 0.75, low=0.0, doc="of the counts, where the sampling goes by popularity"),
    ),
    shape=_shape,
    structural=True,
)


def softmax_loss(positive_B: Tensor, negative_BK: Tensor) -> Tensor:
    """Scores [B] and [B, K] → [B]."""
    scores_BJ = torch.cat([positive_B.unsqueeze(-1), negative_BK], -1)
    return torch.logsumexp(scores_BJ, -1) - positive_B

"""logloss: the objective for clicks (labels 0 and 1) and for classes. B batch, C classes.

An objective gives one number for each row; the term that is minimised is their mean over the rows of a batch, each
times its sample weight where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes
from recspace.compiler.promise import Mismatch, Operator, Options
from recspace.compiler.shapes import NUMBER, Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    if shapes[0].kind not in ("number", "vector"):
        raise Mismatch(
            f"logloss needs a prediction of one number, or one for each class, not a {shapes[0]}",
            argument=0,
            label=f"this is a {shapes[0]}",
            help="`linear(flatten(x), 1)` makes one number of a matrix, `linear(mean(x), 1)` of a sequence",
            code="S0315",
        )
    return NUMBER


def _flops(shapes: Shapes, options: Options) -> int:
    return 0  # objectives are no part of a derived model


promise = Operator(
    name="logloss",
    doc="Cross-entropy of label and predicted probability; with classes, of the softmax of the predictions.",
    inputs=("prediction", "label"),
    shape=_shape,
    flops=_flops,
    structural=True,
)


def logloss(p_B: Tensor, label_B: Tensor) -> Tensor:
    """Probabilities [B] and labels in [0, 1] [B] → [B]. A probability of 0 counts as 1e-37: no infinite loss."""
    return -label_B * torch.log(p_B.clamp(min=1e-37)) - (1 - label_B) * torch.log((1 - p_B).clamp(min=1e-37))


def logloss_with_logits(z_B: Tensor, label_B: Tensor) -> Tensor:
    """The same for p = sigmoid(z), without its loss of accuracy: max(z, 0) − z y + log(1 + exp(−|z|))."""
    return F.binary_cross_entropy_with_logits(z_B, label_B, reduction="none")


def logloss_classes(z_BC: Tensor, label_B: Tensor) -> Tensor:
    """Logits [B, C] and class numbers [B] → [B]: minus the log of the label's softmax probability."""
    return F.cross_entropy(z_BC, label_B, reduction="none")

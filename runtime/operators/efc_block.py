"""efc_block(x, rows): embedded fully connected block of NASRec (Zhang et al., WWW 2023): rows mixed, then rectified.

Its reference code adds a layer norm unless told otherwise; that is written in the space. B batch, R rows, S rows after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, matrix, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return matrix(options["rows"], of_kind(shapes, 0, "efc_block", "matrix").last)


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    weight = Weight("weight", (shapes[0].dims[0], options["rows"]), Initial("xavier"), rows=0, along=0)
    return (weight, Weight("bias", (options["rows"],), Initial("constant", 0.0)))


def _flops(shapes: Shapes, options: Options) -> int:
    return (2 * widest(shapes[0].dims[0]) + 1) * widest(options["rows"]) * widest(shapes[0].last)


promise = Operator(
    name="efc_block",
    doc="Rows that are learned mixtures of the rows, rectified.",
    inputs=("x",),
    options=(Option("rows", "width", doc="rows of the result"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    masked=True,
)


def efc_block(x_BRn: Tensor, weight_RS: Tensor, bias_S: Tensor) -> Tensor:
    """[B, …, R, n] → [B, …, S, n]."""
    return torch.relu(F.linear(x_BRn.transpose(-2, -1), weight_RS.t(), bias_S)).transpose(-2, -1)


def efc_block_grouped(x_BNRn: Tensor, weight_NRS: Tensor, bias_NS: Tensor) -> Tensor:
    """[B, N, R, n] → [B, N, S, n], other mixtures for each of N."""
    x_NBnR = x_BNRn.permute(1, 0, 3, 2)
    y_NrS = torch.relu(torch.baddbmm(bias_NS.unsqueeze(1), x_NBnR.flatten(1, 2), weight_NRS))
    return y_NrS.reshape(*x_NBnR.shape[:-1], bias_NS.shape[-1]).permute(1, 0, 3, 2)

"""conv1x1(x, rows = same): mixes the rows of a matrix, alike in every column. B batch, R rows, S after, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Dim, Shape, matrix, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _rows(shapes: Shapes, options: Options) -> Dim:
    rows: Dim = shapes[0].dims[0] if options["rows"] == "same" else options["rows"]
    return rows


def _shape(shapes: Shapes, options: Options) -> Shape:
    shape = of_kind(shapes, 0, "conv1x1", "matrix")
    return matrix(_rows(shapes, options), shape.last)


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    rows = _rows(shapes, options)
    weight = Weight("weight", (shapes[0].dims[0], rows), Initial("xavier"), rows=0, along=0)
    return (weight, Weight("bias", (rows,), Initial("constant", 0.0)))


def _flops(shapes: Shapes, options: Options) -> int:
    return 2 * widest(shapes[0].dims[0]) * widest(_rows(shapes, options)) * widest(shapes[0].last)


promise = Operator(
    name="conv1x1",
    doc="Every row of the result is a learned mixture of the rows, plus a number.",
    inputs=("x",),
    options=(Option("rows", "width", "same", choices=("same",), doc="rows of the result"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    linear=True,
)


def conv1x1(x_BRn: Tensor, weight_RS: Tensor, bias_S: Tensor) -> Tensor:
    """[B, …, R, n] → [B, …, S, n]."""
    return F.linear(x_BRn.transpose(-2, -1), weight_RS.t(), bias_S).transpose(-2, -1)


def conv1x1_grouped(x_BNRn: Tensor, weight_NRS: Tensor, bias_NS: Tensor) -> Tensor:
    """[B, N, R, n] → [B, N, S, n], other mixtures for each of N."""
    x_NBnR = x_BNRn.permute(1, 0, 3, 2)
    y_NrS = torch.baddbmm(bias_NS.unsqueeze(1), x_NBnR.flatten(1, 2), weight_NRS)
    return y_NrS.reshape(*x_NBnR.shape[:-1], bias_NS.shape[-1]).permute(1, 0, 3, 2)

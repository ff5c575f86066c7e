"""linear(x, n, bias = true): x W + b along the last axis. B batch, N family, i inputs, o outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, replaced_last
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return replaced_last(shapes[0], options["n"])


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    weight = Weight("weight", (shapes[0].last, options["n"]), Initial("xavier"), rows=0)
    return (weight, Weight("bias", (options["n"],), Initial("constant", 0.0))) if options["bias"] else (weight,)


def _flops(shapes: Shapes, options: Options) -> int:
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    inputs, outputs = widest(shapes[0].last), widest(options["n"])
    return rows * outputs * (2 * inputs if options["bias"] else max(2 * inputs - 1, 0))


promise = Operator(
    name="linear",
    doc="Affine map of the last axis; the rows of a matrix and the elements of a sequence share it.",
    inputs=("x",),
    options=(
        Option("n", "logits", doc="width of the result"),
        Option("bias", "flag", True, doc="whether something is added to the product"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    linear=True,
    masked=True,
    lifts=True,
)


def linear(x_Bi: Tensor, weight_io: Tensor, bias_o: Tensor | None = None) -> Tensor:
    """[B, …, i] → [B, …, o]."""
    return F.linear(x_Bi, weight_io.t(), bias_o)


def linear_grouped(x_BNi: Tensor, weight_Nio: Tensor, bias_No: Tensor | None = None) -> Tensor:
    """[B, N, …, i] → [B, N, …, o], another layer for each of N, as one batched product."""
    x_NBi = x_BNi.transpose(0, 1)
    x_Nri = x_NBi.flatten(1, -2)
    y_Nro = torch.bmm(x_Nri, weight_Nio) if bias_No is None else torch.baddbmm(bias_No.unsqueeze(1), x_Nri, weight_Nio)
    return y_Nro.reshape(*x_NBi.shape[:-1], weight_Nio.shape[-1]).transpose(0, 1)

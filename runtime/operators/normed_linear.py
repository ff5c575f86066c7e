"""normed_linear(x, n, bias = true, norm = 1): x W + b with ‖W‖ at most `norm` (the heads of SIF, Yao et al., WWW 2020).

What is learned is any matrix; one that is larger is brought back to the ball, as a projection after every step would.
B batch, N family, i inputs, o outputs.
"""

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
    weight = Weight("weight", (shapes[0].last, options["n"]), Initial("xavier"))
    return (weight, Weight("bias", (options["n"],), Initial("constant", 0.0))) if options["bias"] else (weight,)


def _flops(shapes: Shapes, options: Options) -> int:
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    inputs, outputs = widest(shapes[0].last), widest(options["n"])
    return rows * outputs * (2 * inputs if options["bias"] else max(2 * inputs - 1, 0))


promise = Operator(
    name="normed_linear",
    doc="Affine map of the last axis whose weights, as one vector, have at most that norm.",
    inputs=("x",),
    options=(
        Option("n", "logits", doc="width of the result"),
        Option("bias", "flag", True, doc="whether something is added to the product"),
        Option("norm", "real", 1, low=1e-6, doc="the largest norm of the weights"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    lifts=True,
)


def normed_linear(x_Bi: Tensor, weight_io: Tensor, bias_o: Tensor | None = None, *, norm: float) -> Tensor:
    """[B, …, i] → [B, …, o]."""
    size = torch.linalg.vector_norm(weight_io).clamp(min=norm)
    return F.linear(x_Bi, (weight_io * (norm / size)).t(), bias_o)


def normed_linear_grouped(x_BNi: Tensor, weight_Nio: Tensor, bias_No: Tensor | None = None, *, norm: float) -> Tensor:
    """[B, N, …, i] → [B, N, …, o], another map for each of N, of a norm of its own."""
    size_N11 = torch.linalg.vector_norm(weight_Nio, dim=(1, 2), keepdim=True).clamp(min=norm)
    x_NBi = x_BNi.transpose(0, 1)
    x_Nri = x_NBi.reshape(x_NBi.shape[0], -1, x_NBi.shape[-1])
    y_Nro = torch.bmm(x_Nri, weight_Nio * (norm / size_N11))
    y_Nro = y_Nro if bias_No is None else y_Nro + bias_No.unsqueeze(1)
    return y_Nro.reshape(*x_NBi.shape[:-1], weight_Nio.shape[-1]).transpose(0, 1)

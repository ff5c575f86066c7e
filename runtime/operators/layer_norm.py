"""layer_norm(x): Ba et al., 2016, over the last axis (eps 1e-5). B batch, N family, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Initial, Operator, Options, Weight
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return of_kind(shapes, 0, "layer_norm", "vector", "matrix", "sequence", help="`batch_norm(x)` works on one number")


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    n = shapes[0].last
    one, zero = Initial("constant", 1.0), Initial("constant", 0.0)
    return (Weight("weight", (n,), one, rows=0), Weight("bias", (n,), zero, rows=0))


def _flops(shapes: Shapes, options: Options) -> int:
    return 8 * numbers(shapes[0])


promise = Operator(
    name="layer_norm",
    doc="Each vector minus its mean, divided by its standard deviation; then scaled and shifted.",
    inputs=("x",),
    shape=_shape,
    weights=_weights,
    flops=_flops,
)


def layer_norm(x_Bn: Tensor, weight_n: Tensor, bias_n: Tensor) -> Tensor:
    """[B, …, n] → the same shape."""
    return F.layer_norm(x_Bn, weight_n.shape, weight_n, bias_n, 1e-5)


def layer_norm_grouped(x_BNn: Tensor, weight_Nn: Tensor, bias_Nn: Tensor) -> Tensor:
    """[B, N, …, n] → the same shape; another scale and shift for each of N."""
    y_BNn = F.layer_norm(x_BNn, weight_Nn.shape[-1:], None, None, 1e-5)
    return (y_BNn.movedim(1, -2) * weight_Nn + bias_Nn).movedim(-2, 1)

"""cin(x, y, rows): a layer of xDeepFM's compressed interaction network (Lian et al., KDD 2018, equation 6).

Row h of the result is Σ W_h[r, s] (x_r ∘ y_s) over all pairs of a row of x and a row of y: all products, number by
number, are mixed into `rows` rows, alike in every column. B batch, N family, R and S rows, H rows after, n columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, fixed, of_kind, one_width
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, matrix, widest

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    left, right = (of_kind(shapes, k, "cin", "matrix") for k in (0, 1))
    for position, shape in enumerate((left, right)):
        fixed(shape.dims[0], "cin", "number of rows", position)
    return matrix(options["rows"], one_width(left, right, "cin"))


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    r, s = (widest(shape.dims[0]) for shape in shapes)
    return (Weight("weight", (r, s, options["rows"]), Initial("fan_in", r * s)),)


def _flops(shapes: Shapes, options: Options) -> int:
    pairs = widest(shapes[0].dims[0]) * widest(shapes[1].dims[0])
    return pairs * widest(shapes[0].last) * (1 + 2 * widest(options["rows"]))


promise = Operator(
    name="cin",
    doc="Every row of the result is a learned mixture of the products of all rows of x with all rows of y.",
    inputs=("x", "y"),
    options=(Option("rows", "width", doc="rows of the result"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    linear=True,
)


def cin(x_BRn: Tensor, y_BSn: Tensor, weight_RSH: Tensor) -> Tensor:
    """[B, …, R, n] and [B, …, S, n] → [B, …, H, n]."""
    return (cin_products(x_BRn, y_BSn) @ weight_RSH.flatten(0, 1)).transpose(-2, -1)


def cin_products(x_BRn: Tensor, y_BSn: Tensor) -> Tensor:
    """[B, …, n, R S]."""
    return (x_BRn.transpose(-2, -1).unsqueeze(-1) * y_BSn.transpose(-2, -1).unsqueeze(-2)).flatten(-2)


def cin_grouped(x_BNRn: Tensor, y_BNSn: Tensor, weight_NRSH: Tensor) -> Tensor:
    """[B, N, R, n] and [B, N, S, n] → [B, N, H, n], other mixtures for each of N."""
    products_NBnP = cin_products(x_BNRn, y_BNSn).transpose(0, 1)
    mixed_NmH = torch.bmm(products_NBnP.flatten(1, 2), weight_NRSH.flatten(1, 2))
    return mixed_NmH.reshape(*products_NBnP.shape[:-1], weight_NRSH.shape[-1]).permute(1, 0, 3, 2)

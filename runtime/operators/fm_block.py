"""fm_block(x, n): factorization-machine block of AutoCTR (Song et al., KDD 2020) and NASRec (WWW 2023).

The sum of products of all pairs of rows, column by column, as half of (sum² − sum of squares); then linear to n.
NASRec's code leaves out the factor ½ and skips the layer where widths agree. B batch, R rows, i columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, vector, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    of_kind(shapes, 0, "fm_block", "matrix")
    return vector(options["n"])


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    weight = Weight("weight", (shapes[0].last, options["n"]), Initial("xavier"), rows=0)
    return (weight, Weight("bias", (options["n"],), Initial("constant", 0.0)))


def _flops(shapes: Shapes, options: Options) -> int:
    return 3 * numbers(shapes[0]) + widest(shapes[0].last) * (3 + 2 * widest(options["n"]))


promise = Operator(
    name="fm_block",
    doc="Products of all pairs of rows, added up and brought to a width.",
    inputs=("x",),
    options=(Option("n", "width", doc="width of the result"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    masked=True,
)


def fm_block(x_BRi: Tensor, weight_io: Tensor, bias_o: Tensor) -> Tensor:
    """[B, …, R, i] → [B, …, o]."""
    return F.linear(fm_block_pairs(x_BRi), weight_io.t(), bias_o)


def fm_block_pairs(x_BRi: Tensor) -> Tensor:
    """[B, …, R, i] → [B, …, i]: Σ of x_r x_s over pairs r < s."""
    return 0.5 * (x_BRi.sum(-2).square() - x_BRi.square().sum(-2))


def fm_block_grouped(x_BNRi: Tensor, weight_Nio: Tensor, bias_No: Tensor) -> Tensor:
    """[B, N, R, i] → [B, N, o], other weights for each of N."""
    return torch.baddbmm(bias_No.unsqueeze(1), fm_block_pairs(x_BNRi).transpose(0, 1), weight_Nio).transpose(0, 1)

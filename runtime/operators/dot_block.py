"""dot_block(x, span, n): dot-product block of AutoCTR (KDD 2020) and NASRec (WWW 2023), without layer norm.

Rows are mixed to `span` rows, without a bias, so that columns of zeros stay zero; the dot products of all pairs of
these go through a linear layer to n. B batch, R rows, S = span, i columns, P = S (S − 1) / 2 pairs, o = n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, fixed, of_kind, row_pairs
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, vector, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    of_kind(shapes, 0, "dot_block", "matrix")
    fixed(options["span"], "dot_block", "span")
    return vector(options["n"])


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    span, n = options["span"], options["n"]
    zero, xavier = Initial("constant", 0.0), Initial("xavier")
    return (
        Weight("mix", (shapes[0].dims[0], span), xavier, rows=0, along=0),
        Weight("weight", (row_pairs(span), n), xavier),
        Weight("bias", (n,), zero),
    )


def _flops(shapes: Shapes, options: Options) -> int:
    span, width = int(options["span"]), widest(shapes[0].last)
    pairs = span * (span - 1) // 2
    return 2 * widest(shapes[0].dims[0]) * span * width + 2 * pairs * (width + widest(options["n"]))


promise = Operator(
    name="dot_block",
    doc="Dot products of all pairs of `span` mixtures of rows, brought to a width.",
    inputs=("x",),
    options=(
        Option("span", "width", doc="rows before the products"),
        Option("n", "width", doc="width of the result"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    masked=True,
)


def dot_block(x_BRi: Tensor, mix_RS: Tensor, weight_Po: Tensor, bias_o: Tensor) -> Tensor:
    """[B, …, R, i] → [B, …, o]."""
    return F.linear(dot_block_pairs(x_BRi.transpose(-2, -1) @ mix_RS), weight_Po.t(), bias_o)


def dot_block_pairs(x_BiS: Tensor) -> Tensor:
    """[B, …, i, S] → [B, …, P]: the dot products of all pairs of columns."""
    s = x_BiS.shape[-1]
    left, right = torch.triu_indices(s, s, 1, device=x_BiS.device)
    return (x_BiS.transpose(-2, -1) @ x_BiS).flatten(-2).index_select(-1, left * s + right)


def dot_block_grouped(x_BNRi: Tensor, mix_NRS: Tensor, weight_NPo: Tensor, bias_No: Tensor) -> Tensor:
    """[B, N, R, i] → [B, N, o], other weights for each of N."""
    x_NBiR = x_BNRi.permute(1, 0, 3, 2)
    mixed_NrS = torch.bmm(x_NBiR.flatten(1, 2), mix_NRS)
    dots_NBP = dot_block_pairs(mixed_NrS.reshape(*x_NBiR.shape[:-1], mix_NRS.shape[-1]))
    return torch.baddbmm(bias_No.unsqueeze(1), dots_NBP, weight_NPo).transpose(0, 1)

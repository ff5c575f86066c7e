"""pairwise_product(x): the products of all pairs of rows. B batch, R rows, P = R (R − 1) / 2 pairs, n columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind, row_pairs
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import Shape, matrix

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    rows, n = of_kind(shapes, 0, "pairwise_product", "matrix").dims
    return matrix(row_pairs(rows), n)


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(_shape(shapes, options))


promise = Operator(
    name="pairwise_product",
    doc="A row for each pair of rows i < j: their product, number by number.",
    inputs=("x",),
    shape=_shape,
    flops=_flops,
    zero_preserving=True,
    masked=True,
)


def pairwise_product(x_BRn: Tensor) -> Tensor:
    """[B, …, R, n] → [B, …, P, n]."""
    rows = x_BRn.shape[-2]
    left, right = torch.triu_indices(rows, rows, 1, device=x_BRn.device)
    return x_BRn.index_select(-2, left) * x_BRn.index_select(-2, right)

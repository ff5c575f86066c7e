"""diversity(x): how much the rows of a matrix overlap, a penalty: the mean squared cosine of all pairs of rows.

RULE (Chen et al., KDD 2021) asks that embedding blocks do not repeat one another; its formula could not be checked.
B batch, R rows, n columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Operator, Options
from recspace.compiler.shapes import NUMBER, Shape, widest

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    of_kind(shapes, 0, "diversity", "matrix")
    return NUMBER


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(shapes[0]) * (2 * widest(shapes[0].dims[0]) + 3)


promise = Operator(
    name="diversity",
    doc="The overlap of rows: 0 where all are at right angles, 1 where all have one direction.",
    inputs=("x",),
    shape=_shape,
    flops=_flops,
    zero_preserving=True,
)


def diversity(x_BRn: Tensor) -> Tensor:
    """[B, …, R, n] → [B, …]. Rows of zeros overlap with nothing; of fewer than two rows it is 0."""
    rows = x_BRn.shape[-2]
    unit_BRn = F.normalize(x_BRn, dim=-1)
    cosines_BRR = (unit_BRn @ unit_BRn.transpose(-2, -1)).triu(1)
    return cosines_BRR.square().sum((-2, -1)) * (2 / max(rows * (rows - 1), 1))

"""weight(f): the first-order weight of a field's value. B batch, V rows of the table. Starts at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes
from recspace.compiler.promise import Initial, Operator, Options, Weight
from recspace.compiler.shapes import NUMBER, Shape, widest

if TYPE_CHECKING:
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return Shape("sequence", (1,)) if shapes[0].kind == "sequence" else NUMBER


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    if shapes[0].kind == "vector":
        return (Weight("table", (shapes[0].last, 1), Initial("constant", 0.0), rows=0),)
    return (Weight("table", (options["rows"], 1), Initial("constant", 0.0)),)


def _flops(shapes: Shapes, options: Options) -> int:
    return 2 * widest(shapes[0].last) if shapes[0].kind == "vector" else 0


promise = Operator(
    name="weight",
    doc="A learned number for the value of a field; for a raw number, a learned multiple of it.",
    inputs=("f",),  # as in embed: a number, sequence[1] or vector[k], and an option `rows`
    shape=_shape,
    weights=_weights,
    flops=_flops,
    structural=True,
)


def weight(ids_B: Tensor, table_V1: Tensor, sparse: bool = False) -> Tensor:
    """Ids of any shape → numbers of that shape. For sequences: `embed_sequence` and a pooling of embed. `sparse`: as there."""
    if sparse:
        return F.embedding(ids_B, table_V1, sparse=True).squeeze(-1)
    return table_V1.index_select(0, ids_B.flatten()).view(ids_B.shape)


def weight_number(x_B: Tensor, table_11: Tensor) -> Tensor:
    """Raw numbers [B] and a table of one row; in a family [B, N] and [N, 1]."""
    return x_B * table_11.squeeze(-1)


def weight_vector(x_Bk: Tensor, table_k1: Tensor) -> Tensor:
    """A `vector` column [B, k] → [B]."""
    return (x_Bk @ table_k1).squeeze(-1)

"""pool1d(x, window = 3): the mean of neighbours in a sequence or among rows. B batch, L positions, n width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return of_kind(shapes, 0, "pool1d", "sequence", "matrix")


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(shapes[0]) * int(options["window"])


promise = Operator(
    name="pool1d",
    doc="At every position the mean of the positions around it; those outside or absent do not count.",
    inputs=("x",),
    options=(Option("window", "whole", 3, low=1, doc="positions that a result sees"),),
    shape=_shape,
    flops=_flops,
    linear=True,
    present=True,
)


def pool1d(x_BLn: Tensor, *, window: int, present: Tensor | None = None) -> Tensor:
    """[B, …, L, n] → the same shape."""
    there_BL1 = torch.ones_like(x_BLn[..., :1]) if present is None else present.unsqueeze(-1).to(x_BLn.dtype)
    both_BLm = torch.cat([x_BLn * there_BL1, there_BL1], -1)
    padded = F.pad(both_BLm, (0, 0, (window - 1) // 2, window // 2))
    total_BLm = sum((padded[..., k : k + x_BLn.shape[-2], :] for k in range(window)), torch.zeros_like(both_BLm))
    return total_BLm[..., :-1] / total_BLm[..., -1:].clamp(min=1) * there_BL1

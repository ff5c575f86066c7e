"""normalize(x): standardised by training statistics, without parameters. B batch, N family, n width.

Mean and variance are those of all training rows seen so far, pooled exactly (Chan, Golub and LeVeque, 1979): after one
epoch they are the statistics of the training data, and no pass of its own is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, not_stacked, numbers
from recspace.compiler.promise import Buffer, Operator, Options
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return not_stacked(shapes, 0, "normalize")


def _buffers(shapes: Shapes, options: Options) -> tuple[Buffer, ...]:
    n = shapes[0].last
    running = (Buffer("running_mean", (n,), 0.0, rows=0), Buffer("running_var", (n,), 1.0, rows=0))
    return (Buffer("count", (), 0.0), *running)


def _flops(shapes: Shapes, options: Options) -> int:
    return 2 * numbers(shapes[0])


promise = Operator(
    name="normalize",
    doc="Each number minus its mean over the training rows, divided by its standard deviation.",
    inputs=("x",),
    shape=_shape,
    buffers=_buffers,
    flops=_flops,
    masked=True,
    uses_training=True,
    lifts=True,
    present=True,
)


def normalize(
    x_Bn: Tensor, count: Tensor, mean_n: Tensor, var_n: Tensor, *, training: bool, present: Tensor | None = None
) -> Tensor:
    """[B, …, n] → the same shape. While training, count, mean and variance take the batch in, in place."""
    there_B1 = torch.ones_like(x_Bn[..., :1]) if present is None else present.unsqueeze(-1).to(x_Bn.dtype)
    if training:
        mean_n, var_n = normalize_update(x_Bn, there_B1, count, mean_n, var_n)
    return (x_Bn - mean_n) * torch.rsqrt(var_n + 1e-5) * there_B1


def normalize_update(
    x_Bn: Tensor, there_B1: Tensor, count: Tensor, mean_n: Tensor, var_n: Tensor
) -> tuple[Tensor, Tensor]:
    """Pool what has been seen with a batch: the new mean and variance, also written into the buffers."""
    axes = tuple(range(x_Bn.dim() - mean_n.dim()))
    more_1, before_1 = there_B1.sum(axes), count.unsqueeze(-1).clone()
    now_n = (x_Bn * there_B1).sum(axes) / more_1.clamp(min=1)
    spread_n = ((x_Bn - now_n).square() * there_B1).sum(axes) / more_1.clamp(min=1)
    share_1 = more_1 / (before_1 + more_1).clamp(min=1)
    gap_n = (now_n - mean_n) * (before_1 > 0)
    new_mean_n = now_n - (1 - share_1) * gap_n
    new_var_n = share_1 * spread_n + (1 - share_1) * var_n + share_1 * (1 - share_1) * gap_n.square()
    seen_1 = before_1 + more_1 > 0
    new_mean_n, new_var_n = torch.where(seen_1, new_mean_n, mean_n), torch.where(seen_1, new_var_n, var_n)
    with torch.no_grad():
        mean_n.copy_(new_mean_n)
        var_n.copy_(new_var_n)
        count.add_(more_1.squeeze(-1))
    return new_mean_n, new_var_n


def normalize_grouped(
    x_BNn: Tensor, count_N: Tensor, mean_Nn: Tensor, var_Nn: Tensor, *, training: bool, present: Tensor | None = None
) -> Tensor:
    """[B, N, …, n] → the same shape; each of N has statistics of its own."""
    there = None if present is None else present.movedim(1, -1)
    return normalize(x_BNn.movedim(1, -2), count_N, mean_Nn, var_Nn, training=training, present=there).movedim(-2, 1)

"""dice(x): the data-adaptive activation of DIN (Zhou et al., KDD 2018, equation 3). B batch, N family, n width.

p = sigmoid(batch norm of x without parameters), dice(x) = p x + (1 − p) α x, with a learned α for each number of the
last axis, which starts at 0. Statistics as in batch_norm (momentum 0.1); eps 1e-8 in the paper, 1e-5 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, not_stacked, numbers
from recspace.compiler.promise import Buffer, Initial, Operator, Options, Weight
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return not_stacked(shapes, 0, "dice")


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    return (Weight("slope", (shapes[0].last,), Initial("constant", 0.0), rows=0),)


def _buffers(shapes: Shapes, options: Options) -> tuple[Buffer, ...]:
    n = shapes[0].last
    return (Buffer("running_mean", (n,), 0.0, rows=0), Buffer("running_var", (n,), 1.0, rows=0))


def _flops(shapes: Shapes, options: Options) -> int:
    return 11 * numbers(shapes[0])


promise = Operator(
    name="dice",
    doc="A rectifier whose place and slope follow the data: p x + (1 − p) α x, p = sigmoid(standardised x).",
    inputs=("x",),
    shape=_shape,
    weights=_weights,
    buffers=_buffers,
    flops=_flops,
    zero_preserving=True,
    masked=True,
    uses_training=True,
    lifts=True,
)


def dice(x_Bn: Tensor, slope_n: Tensor, mean_n: Tensor, var_n: Tensor, *, training: bool) -> Tensor:
    """[B, …, n] → the same shape. Mean and variance are changed in place while training (not by a batch of one)."""
    rows_rn = x_Bn.reshape(-1, x_Bn.shape[-1])
    batched = training and rows_rn.shape[0] > 1
    p_rn = torch.sigmoid(F.batch_norm(rows_rn, mean_n, var_n, None, None, batched, 0.1, 1e-5))
    return (rows_rn * (p_rn + (1 - p_rn) * slope_n)).reshape(x_Bn.shape)


def dice_grouped(x_BNn: Tensor, slope_Nn: Tensor, mean_Nn: Tensor, var_Nn: Tensor, *, training: bool) -> Tensor:
    """[B, N, …, n] → the same shape; each of N has statistics and slopes of its own."""
    state_m = (slope_Nn.reshape(-1), mean_Nn.view(-1), var_Nn.view(-1))
    y_Bm = dice(x_BNn.movedim(1, -2).flatten(-2), *state_m, training=training)
    return y_Bm.reshape(*y_Bm.shape[:-1], *slope_Nn.shape).movedim(-2, 1)

"""batch_norm(x, affine = true): Ioffe and Szegedy, ICML 2015. B batch, N family, L positions, n width.

Each number of the last axis has statistics of its own, over the batch, the elements of a sequence, and the family if
the layer has no subscript. With a subscript each element of the family has its own. A matrix is refused: a row that is
gated would count in the statistics of the others. The biased variance normalises; the running one is unbiased, as in
torch (momentum 0.1, eps 1e-5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, not_stacked, numbers
from recspace.compiler.promise import Buffer, Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return not_stacked(shapes, 0, "batch_norm")


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    if not options["affine"]:
        return ()
    n = shapes[0].last
    one, zero = Initial("constant", 1.0), Initial("constant", 0.0)
    return (Weight("weight", (n,), one, rows=0), Weight("bias", (n,), zero, rows=0))


def _buffers(shapes: Shapes, options: Options) -> tuple[Buffer, ...]:
    n = shapes[0].last
    return (Buffer("running_mean", (n,), 0.0, rows=0), Buffer("running_var", (n,), 1.0, rows=0))


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(shapes[0]) * (4 if options["affine"] else 2)


promise = Operator(
    name="batch_norm",
    doc="Each number minus its batch mean, divided by its standard deviation; scaled and shifted if affine.",
    inputs=("x",),
    options=(Option("affine", "flag", True, doc="whether a learned scale and shift follow"),),
    shape=_shape,
    weights=_weights,
    buffers=_buffers,
    flops=_flops,
    masked=True,
    uses_training=True,
    lifts=True,
    present=True,
)


def batch_norm(x_Bn: Tensor, *state_n: Tensor, training: bool, present: Tensor | None = None) -> Tensor:
    """[B, …, n] → the same shape. `state_n`: weight and bias, if affine; running mean and variance, changed in place
    while training. A training batch of one row has no variance: it is judged by the running statistics."""
    if training and present is not None:
        return batch_norm_present(x_Bn, present, *state_n)
    *affine_n, mean_n, var_n = state_n
    weight_n, bias_n = affine_n or (None, None)
    rows_rn = x_Bn.reshape(-1, x_Bn.shape[-1])
    batched = training and rows_rn.shape[0] > 1
    y_rn = F.batch_norm(rows_rn, mean_n, var_n, weight_n, bias_n, batched, 0.1, 1e-5)
    y_Bn = y_rn.reshape(x_Bn.shape)
    return y_Bn if present is None else y_Bn * present.unsqueeze(-1)


def batch_norm_present(x_Bn: Tensor, present_B: Tensor, *state_n: Tensor) -> Tensor:
    """The training form over those elements of sequences that there are."""
    *affine_n, mean_n, var_n = state_n
    there_B1 = present_B.unsqueeze(-1).to(x_Bn.dtype)
    axes = tuple(range(x_Bn.dim() - 1))
    count = there_B1.sum()
    now_n = (x_Bn * there_B1).sum(axes) / count.clamp(min=1)
    centred_Bn = (x_Bn - now_n) * there_B1
    spread_n = centred_Bn.square().sum(axes) / count.clamp(min=1)
    with torch.no_grad():
        step = 0.1 * (count > 1)
        mean_n.add_(step * (now_n - mean_n))
        var_n.add_(step * (spread_n * count / (count - 1).clamp(min=1) - var_n))
    y_Bn = centred_Bn * torch.rsqrt(spread_n + 1e-5)
    return (y_Bn * affine_n[0] + affine_n[1]) * there_B1 if affine_n else y_Bn


def batch_norm_grouped(x_BNn: Tensor, *state_Nn: Tensor, training: bool, present: Tensor | None = None) -> Tensor:
    """[B, N, …, n] → the same shape; each of N has statistics and parameters of its own (`state_Nn`, see above)."""
    if present is None:
        flat_m = [s.view(-1) for s in state_Nn]
        y_Bm = batch_norm(x_BNn.movedim(1, -2).flatten(-2), *flat_m, training=training)
        return y_Bm.reshape(*y_Bm.shape[:-1], *state_Nn[-1].shape).movedim(-2, 1)
    layers = zip(x_BNn.unbind(1), present.unbind(1), *state_Nn, strict=True)
    return torch.stack([batch_norm(x, *state, training=training, present=p) for x, p, *state in layers], 1)

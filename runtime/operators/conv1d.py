"""conv1d(x, n, window = 3): a convolution along a sequence or the rows of a matrix. B batch, L positions, i inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, of_kind, replaced_last
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return replaced_last(of_kind(shapes, 0, "conv1d", "sequence", "matrix"), options["n"])


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    i, n, window = shapes[0].last, options["n"], options["window"]
    start = Initial("fan_in", float(window * widest(i)))
    return (Weight("weight", (window, i, n), start, rows=1), Weight("bias", (n,), start))


def _flops(shapes: Shapes, options: Options) -> int:
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    return rows * 2 * int(options["window"]) * widest(shapes[0].last) * widest(options["n"])


promise = Operator(
    name="conv1d",
    doc="A convolution along positions, padded with zeros to the same length.",
    inputs=("x",),
    options=(
        Option("n", "width", doc="channels of the result"),
        Option("window", "whole", 3, low=1, doc="positions that a result sees"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    linear=True,
    present=True,
)


def conv1d(x_BLi: Tensor, weight_wio: Tensor, bias_o: Tensor, *, present: Tensor | None = None) -> Tensor:
    """[B, …, L, i] → [B, …, L, o]."""
    y_BLo = F.linear(conv1d_windows(x_BLi, weight_wio.shape[0], present), weight_wio.flatten(0, 1).t(), bias_o)
    return y_BLo if present is None else y_BLo * present.unsqueeze(-1)


def conv1d_windows(x_BLi: Tensor, window: int, present: Tensor | None) -> Tensor:
    """[B, …, L, i] → [B, …, L, window · i]: what each position sees, side by side."""
    there_BLi = x_BLi if present is None else x_BLi * present.unsqueeze(-1)
    padded = F.pad(there_BLi, (0, 0, (window - 1) // 2, window // 2))
    return torch.cat([padded[..., k : k + x_BLi.shape[-2], :] for k in range(window)], -1)


def conv1d_grouped(x_BNLi: Tensor, weight_Nwio: Tensor, bias_No: Tensor, *, present: Tensor | None = None) -> Tensor:
    """[B, N, L, i] → [B, N, L, o], other weights for each of N."""
    seen_NBLj = conv1d_windows(x_BNLi, weight_Nwio.shape[1], present).transpose(0, 1)
    y_Nro = torch.baddbmm(bias_No.unsqueeze(1), seen_NBLj.flatten(1, 2), weight_Nwio.flatten(1, 2))
    y_BNLo = y_Nro.reshape(*seen_NBLj.shape[:-1], bias_No.shape[-1]).transpose(0, 1)
    return y_BNLo if present is None else y_BNLo * present.unsqueeze(-1)

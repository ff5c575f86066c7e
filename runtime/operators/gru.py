"""gru(x, n): a gated recurrent unit along a sequence or the rows of a matrix (Cho et al., 2014), in torch's form.

B batch, N family, L positions, i inputs, n width, g = 3 n for the gates reset, update and new, in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, fixed, of_kind, replaced_last
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape, widest

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    return replaced_last(
        of_kind(shapes, 0, "gru", "sequence", "matrix"), fixed(options["n"], "gru", "width of the result")
    )


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    i, n = shapes[0].last, fixed(options["n"], "gru", "width of the result")
    start = Initial("fan_in", float(n))
    return (
        Weight("weight", (i, 3 * n), start, rows=0),
        Weight("hidden", (n, 3 * n), start),
        Weight("bias", (3 * n,), start),
        Weight("hidden_bias", (3 * n,), start),
    )


def _flops(shapes: Shapes, options: Options) -> int:
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    n = widest(options["n"])
    return rows * (6 * n * (widest(shapes[0].last) + n) + 8 * n)


promise = Operator(
    name="gru",
    doc="A gated recurrent unit; the result at a position has seen the positions up to it.",
    inputs=("x",),
    options=(Option("n", "width", doc="width of the state"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    present=True,
)


def gru(
    x_BLi: Tensor,
    weight_ig: Tensor,
    hidden_ng: Tensor,
    bias_g: Tensor,
    hidden_bias_g: Tensor,
    *,
    present: Tensor | None = None,
) -> Tensor:
    """[B, …, L, i] → [B, …, L, n]. Absent positions leave the state as it is."""
    return gru_run(F.linear(x_BLi, weight_ig.t(), bias_g), hidden_ng, hidden_bias_g, present)


def gru_run(inputs_BLg: Tensor, hidden: Tensor, hidden_bias: Tensor, present: Tensor | None) -> Tensor:
    """The recurrence. `hidden` is [n, g], or [N, n, g] where each of a family has its own."""
    n = hidden.shape[-2]
    state_Bn = torch.zeros_like(inputs_BLg[..., 0, :n])
    states = []
    for k in range(inputs_BLg.shape[-2]):
        if hidden.dim() == 2:
            recurrent_Bg = F.linear(state_Bn, hidden.t(), hidden_bias)
        else:
            recurrent_Bg = torch.baddbmm(hidden_bias.unsqueeze(1), state_Bn.transpose(0, 1), hidden).transpose(0, 1)
        input_r, input_z, input_n = inputs_BLg[..., k, :].chunk(3, -1)
        hidden_r, hidden_z, hidden_n = recurrent_Bg.chunk(3, -1)
        update_Bn = torch.sigmoid(input_z + hidden_z)
        new_Bn = torch.tanh(input_n + torch.sigmoid(input_r + hidden_r) * hidden_n)
        after_Bn = new_Bn + update_Bn * (state_Bn - new_Bn)
        state_Bn = after_Bn if present is None else torch.where(present[..., k, None], after_Bn, state_Bn)
        states.append(state_Bn)
    y_BLn = torch.stack(states, -2)
    return y_BLn if present is None else y_BLn * present.unsqueeze(-1)


def gru_grouped(
    x_BNLi: Tensor,
    weight_Nig: Tensor,
    hidden_Nng: Tensor,
    bias_Ng: Tensor,
    hidden_bias_Ng: Tensor,
    *,
    present: Tensor | None = None,
) -> Tensor:
    """[B, N, L, i] → [B, N, L, n], other weights for each of N."""
    x_NBLi = x_BNLi.transpose(0, 1)
    inputs_Nrg = torch.baddbmm(bias_Ng.unsqueeze(1), x_NBLi.flatten(1, 2), weight_Nig)
    inputs_BNLg = inputs_Nrg.reshape(*x_NBLi.shape[:-1], bias_Ng.shape[-1]).transpose(0, 1)
    return gru_run(inputs_BNLg, hidden_Nng, hidden_bias_Ng, present)

"""elementwise(x, units, activation): a small net from one number to one, on every number (SIF, Yao et al., WWW 2020).

Hidden layers are activated, the last one is not: with units = [8] and tanh it is SIF's 1 → 8 → tanh → 1.
B batch, N family, h hidden units; m stands for all numbers of x side by side.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, fixed, numbers, same
from recspace.compiler.promise import Initial, Mismatch, Operator, Option, Options, Weight
from recspace.compiler.shapes import Shape

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor


ACTIVATIONS = ("relu", "gelu", "swish", "tanh", "sigmoid", "identity")


def _widths(options: Options) -> list[int]:
    return [1, *(fixed(n, "elementwise", "width of a layer") for n in options["units"]), 1]


def _shape(shapes: Shapes, options: Options) -> Shape:
    if not options["units"]:
        raise Mismatch(
            "elementwise() needs the width of at least one layer",
            label="no layers",
            help="give a list of widths, as in `elementwise(x, [8], activation = tanh)`",
            code="S0316",
        )
    _widths(options)
    return same(shapes, options)


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    layers = []
    for k, (i, o) in enumerate(pairwise(_widths(options))):
        layers.append(Weight(f"{k}.weight", (i, o), Initial("xavier")))
        layers.append(Weight(f"{k}.bias", (o,), Initial("constant", 0.0)))
    return tuple(layers)


def _flops(shapes: Shapes, options: Options) -> int:
    return numbers(shapes[0]) * sum(2 * i * o for i, o in pairwise(_widths(options)))


promise = Operator(
    name="elementwise",
    doc="A small net from one number to one number, the same for every number of the input.",
    inputs=("x",),
    options=(
        Option("units", "widths", doc="widths of the hidden layers"),
        Option("activation", "label", choices=ACTIVATIONS, doc="after each hidden layer"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    elementwise=True,
    masked=True,
)


def elementwise(x: Tensor, *layers: Tensor, activation: str) -> Tensor:
    """Any shape → the same. `layers`: weight [i, o] and bias [o] of each layer."""
    x_m1 = x.unsqueeze(-1)
    for k in range(0, len(layers), 2):
        x_m1 = F.linear(x_m1, layers[k].t(), layers[k + 1])
        x_m1 = elementwise_activated(x_m1, activation) if k + 2 < len(layers) else x_m1
    return x_m1.squeeze(-1)


def elementwise_activated(x: Tensor, activation: str) -> Tensor:
    """The activation of that name."""
    if activation == "identity":
        return x
    if activation == "gelu":
        return F.gelu(x)
    if activation == "swish":
        return F.silu(x)
    if activation == "relu":
        return torch.relu(x)
    return torch.tanh(x) if activation == "tanh" else torch.sigmoid(x)


def elementwise_grouped(x_BN: Tensor, *layers_N: Tensor, activation: str) -> Tensor:
    """[B, N, …] → the same shape, another net for each of N."""
    x_NB = x_BN.transpose(0, 1)
    x_Nm1 = x_NB.reshape(x_NB.shape[0], -1, 1)
    for k in range(0, len(layers_N), 2):
        x_Nm1 = torch.baddbmm(layers_N[k + 1].unsqueeze(1), x_Nm1, layers_N[k])
        x_Nm1 = elementwise_activated(x_Nm1, activation) if k + 2 < len(layers_N) else x_Nm1
    return x_Nm1.reshape(x_NB.shape).transpose(0, 1)

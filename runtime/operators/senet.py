"""senet(x, reduction = 3): rows reweighted by what they hold (FiBiNET, Huang et al., RecSys 2019, equations 2 to 4).

Means of the rows go through two rectified layers without biases. B batch, N family, R rows, h = max(1, R // reduction).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Initial, Operator, Option, Options, Weight
from recspace.compiler.shapes import Dim, Searched, Shape, widest

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _hidden(rows: Dim, reduction: int) -> Dim:
    if isinstance(rows, Searched):
        hidden = sorted({max(1, r // reduction) for r in rows.candidates})
        return Searched(tuple(hidden), ("senet", rows.key, reduction))
    return max(1, rows // reduction)


def _shape(shapes: Shapes, options: Options) -> Shape:
    return of_kind(shapes, 0, "senet", "matrix")


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    rows = shapes[0].dims[0]
    hidden = _hidden(rows, options["reduction"])
    squeeze = Weight("squeeze", (rows, hidden), Initial("xavier"), rows=0, along=0)
    return (squeeze, Weight("excite", (hidden, rows), Initial("xavier"), rows=1, along=0))


def _flops(shapes: Shapes, options: Options) -> int:
    rows = shapes[0].dims[0]
    return 2 * numbers(shapes[0]) + 4 * widest(rows) * widest(_hidden(rows, options["reduction"]))


promise = Operator(
    name="senet",
    doc="Every row times a weight that depends on the means of all rows.",
    inputs=("x",),
    options=(Option("reduction", "whole", 3, low=1, doc="rows for one hidden unit"),),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    zero_preserving=True,
)


def senet(x_BRn: Tensor, squeeze_Rh: Tensor, excite_hR: Tensor) -> Tensor:
    """[B, …, R, n] → the same shape."""
    return x_BRn * torch.relu(torch.relu(x_BRn.mean(-1) @ squeeze_Rh) @ excite_hR).unsqueeze(-1)


def senet_grouped(x_BNRn: Tensor, squeeze_NRh: Tensor, excite_NhR: Tensor) -> Tensor:
    """[B, N, R, n] → the same shape, other layers for each of N."""
    means_NBR = x_BNRn.mean(-1).transpose(0, 1)
    weights_NBR = torch.relu(torch.bmm(torch.relu(torch.bmm(means_NBR, squeeze_NRh)), excite_NhR))
    return x_BNRn * weights_NBR.transpose(0, 1).unsqueeze(-1)

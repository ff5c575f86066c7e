"""self_attention(x, heads = 1, scaled = true, joined = true): attention of positions to one another (Vaswani et al., 2017).

Projections to queries, keys, values and back, without biases; residuals and normalisation are written in the space.
AutoInt (Song et al., CIKM 2019, equations 5 to 7) neither scales the products nor projects back.
B batch, N family, L positions, n width, h heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, numbers, of_kind
from recspace.compiler.promise import Initial, Mismatch, Operator, Option, Options, Weight
from recspace.compiler.shapes import Searched, Shape, widest

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _shape(shapes: Shapes, options: Options) -> Shape:
    shape = of_kind(shapes, 0, "self_attention", "sequence", "matrix")
    widths = shape.last.candidates if isinstance(shape.last, Searched) else (shape.last,)
    if any(width % options["heads"] for width in widths):
        raise Mismatch(
            f"self_attention() cannot share a width of {shape.last} among {options['heads']} heads",
            argument=0,
            label=f"this is a {shape}",
            help="take a number of heads that divides the width",
            code="S0317",
        )
    return shape


def _weights(shapes: Shapes, options: Options) -> tuple[Weight, ...]:
    n = shapes[0].last
    names = ("query", "key", "value", "output") if options["joined"] else ("query", "key", "value")
    return tuple(Weight(name, (n, n), Initial("xavier"), rows=0) for name in names)


def _flops(shapes: Shapes, options: Options) -> int:
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    projections = 4 if options["joined"] else 3
    return numbers(shapes[0]) * (2 * projections * widest(shapes[0].last) + 4 * rows)


promise = Operator(
    name="self_attention",
    doc="Every position becomes a mixture of all positions, weighted by how well they match.",
    inputs=("x",),
    options=(
        Option("heads", "whole", 1, low=1, doc="parts of the width that attend apart"),
        Option("scaled", "flag", True, doc="products are divided by the root of a head's width"),
        Option("joined", "flag", True, doc="heads go through one more layer, side by side"),
    ),
    shape=_shape,
    weights=_weights,
    flops=_flops,
    present=True,
)


def self_attention(
    x_BLn: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor | None = None,
    *,
    heads: int,
    scaled: bool,
    present: Tensor | None = None,
) -> Tensor:
    """[B, …, L, n] → the same shape. Weights are [n, n], or [N, n, n] where each of a family has its own."""
    split = (*x_BLn.shape[:-1], heads, x_BLn.shape[-1] // heads)
    q_BhLd, k_BhLd, v_BhLd = (
        self_attention_project(x_BLn, w).reshape(split).transpose(-3, -2) for w in (query, key, value)
    )
    scores_BhLL = q_BhLd @ k_BhLd.transpose(-2, -1)
    if scaled:
        scores_BhLL = scores_BhLL * (q_BhLd.shape[-1] ** -0.5)
    if present is not None:
        absent_B11L = ~present[..., None, None, :]
        scores_BhLL = scores_BhLL.masked_fill(absent_B11L, torch.finfo(scores_BhLL.dtype).min)
    mixed_BLn = (torch.softmax(scores_BhLL, -1) @ v_BhLd).transpose(-3, -2).flatten(-2)
    y_BLn = mixed_BLn if output is None else self_attention_project(mixed_BLn, output)
    return y_BLn if present is None else y_BLn * present.unsqueeze(-1)


def self_attention_project(x_BLn: Tensor, weight: Tensor) -> Tensor:
    """x W; one W for all of a family, or one for each."""
    if weight.dim() == 2:
        return x_BLn @ weight
    x_NBLn = x_BLn.transpose(0, 1)
    return torch.bmm(x_NBLn.flatten(1, 2), weight).reshape(x_NBLn.shape).transpose(0, 1)


def self_attention_grouped(
    x_BNLn: Tensor,
    query_Nnn: Tensor,
    key_Nnn: Tensor,
    value_Nnn: Tensor,
    output_Nnn: Tensor | None = None,
    *,
    heads: int,
    scaled: bool,
    present: Tensor | None = None,
) -> Tensor:
    """[B, N, L, n] → the same shape, other weights for each of N."""
    weights = (query_Nnn, key_Nnn, value_Nnn, output_Nnn)
    return self_attention(x_BNLn, *weights, heads=heads, scaled=scaled, present=present)

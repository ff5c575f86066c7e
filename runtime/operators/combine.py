"""combine(name, u, v): two values brought together by an operation of that name (SIF, Yao et al., WWW 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.checks import Shapes, broadcast, numbers, of_kind
from recspace.compiler.promise import Operator, Option, Options
from recspace.compiler.shapes import Shape, vector

if TYPE_CHECKING:
    import torch
    from torch import Tensor


NAMES = ("plus", "minus", "multiply", "minimum", "maximum", "concatenate")


def _shape(shapes: Shapes, options: Options) -> Shape:
    if options["name"] != "concatenate":
        return broadcast("combine", shapes)
    left, right = (of_kind(shapes, k, "combine", "vector") for k in (0, 1))
    return vector(left.last + right.last)


def _flops(shapes: Shapes, options: Options) -> int:
    return 0 if options["name"] == "concatenate" else max(numbers(shape) for shape in shapes)


promise = Operator(
    name="combine",
    doc="plus, minus, multiply, minimum and maximum work number by number; concatenate puts v behind u.",
    inputs=("u", "v"),
    positional=("name", "u", "v"),
    options=(Option("name", "label", choices=NAMES, doc="the operation"),),
    shape=_shape,
    flops=_flops,
    masked=True,
)


def combine(u: Tensor, v: Tensor, *, name: str) -> Tensor:
    """Tensors of one shape (or [B, …, i] and [B, …, j] to be concatenated) → one."""
    if name == "concatenate":
        return torch.cat([u, v], -1)
    if name == "plus":
        return u + v
    if name == "minus":
        return u - v
    if name == "multiply":
        return u * v
    return torch.minimum(u, v) if name == "minimum" else torch.maximum(u, v)

"""align(x, n, activation = identity): brings a vector to a common width (AutoDim, KDD 2021, equations 2 and 3)."""

from __future__ import annotations

from typing import Any

from recspace.compiler.checks import Shapes, not_stacked, replaced_last
from recspace.compiler.promise import Build, Operator, Option, Options
from recspace.compiler.shapes import Shape, widest

from .activate import ACTIVATIONS


def _shape(shapes: Shapes, options: Options) -> Shape:
    return replaced_last(not_stacked(shapes, 0, "align"), options["n"])


def _flops(shapes: Shapes, options: Options) -> int:
    return widest(options["n"]) * (2 * widest(shapes[0].last) + 4)


def _expand(build: Build, inputs: tuple[Any, ...], options: Options) -> Any:
    """linear (part `linear`), batch norm with affine parameters (`norm`), activation (`activation`)."""
    x = build.apply("linear", inputs, {"n": options["n"], "bias": True}, "linear")
    x = build.apply("batch_norm", (x,), {"affine": True}, "norm")
    if options["activation"] == "identity":
        return x
    return build.apply("activate", (x,), {"name": options["activation"]}, "activation")


promise = Operator(
    name="align",
    doc="linear, then batch norm: brings vectors of several widths to one.",
    inputs=("x",),
    options=(
        Option("n", "width", doc="width of the result"),
        Option("activation", "label", "identity", choices=ACTIVATIONS, doc="after the batch norm"),
    ),
    shape=_shape,
    flops=_flops,
    masked=True,
    lifts=True,
    expand=_expand,
)

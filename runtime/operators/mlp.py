"""mlp(x, units, activation = relu, dropout = 0): layers, all of them activated."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from recspace.compiler.checks import Shapes, not_stacked, replaced_last
from recspace.compiler.promise import Build, Mismatch, Operator, Option, Options
from recspace.compiler.shapes import Shape, widest

from .activate import ACTIVATIONS


def _shape(shapes: Shapes, options: Options) -> Shape:
    if not options["units"]:
        raise Mismatch(
            "mlp() needs the width of at least one layer",
            label="no layers",
            help="give a list of widths, as in `mlp(x, [400, 400])`",
            code="S0316",
        )
    if options["activation"] == "dice":
        not_stacked(shapes, 0, "dice")
    return replaced_last(shapes[0], options["units"][-1])


def _flops(shapes: Shapes, options: Options) -> int:
    widths = [widest(shapes[0].last), *map(widest, options["units"])]
    rows = widest(shapes[0].dims[0]) if shapes[0].kind == "matrix" else 1
    return rows * sum(2 * a * b for a, b in pairwise(widths))


def _expand(build: Build, inputs: tuple[Any, ...], options: Options) -> Any:
    """Layer k: linear (part `k`), activation (`k.activation`), dropout (`k.dropout`)."""
    (x,) = inputs
    for k, n in enumerate(options["units"]):
        x = build.apply("linear", (x,), {"n": n, "bias": True}, f"{k}")
        if options["activation"] != "identity":
            x = build.apply("activate", (x,), {"name": options["activation"]}, f"{k}.activation")
        if options["dropout"] != 0:
            x = build.apply("dropout", (x,), {"rate": options["dropout"]}, f"{k}.dropout")
    return x


promise = Operator(
    name="mlp",
    doc="Fully connected layers, all activated: a plain output is `linear(mlp(x, [32]), n)`.",
    inputs=("x",),
    options=(
        Option("units", "widths", doc="the width of each layer"),
        Option("activation", "label", "relu", choices=ACTIVATIONS, doc="after each layer"),
        Option("dropout", "real", 0, low=0, high=0.99, doc="share of numbers dropped after each activation"),
    ),
    shape=_shape,
    flops=_flops,
    masked=True,
    lifts=True,
    expand=_expand,
)

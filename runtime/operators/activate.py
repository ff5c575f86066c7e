"""activate(name, x): an activation by its name, so that the name may be a decision."""

from __future__ import annotations

from typing import Any

from recspace.compiler.checks import Shapes, not_stacked
from recspace.compiler.promise import Build, Operator, Option, Options
from recspace.compiler.shapes import Shape

ACTIVATIONS = ("relu", "gelu", "swish", "tanh", "sigmoid", "dice", "identity")


def _shape(shapes: Shapes, options: Options) -> Shape:
    return not_stacked(shapes, 0, "dice") if options["name"] == "dice" else shapes[0]


def _expand(build: Build, inputs: tuple[Any, ...], options: Options) -> Any:
    """`identity` is the input itself, any other name the operator of that name (part: the name)."""
    name = options["name"]
    return inputs[0] if name == "identity" else build.apply(name, inputs, {}, name)


promise = Operator(
    name="activate",
    doc="The activation of that name: " + ", ".join(ACTIVATIONS) + ".",
    inputs=("x",),
    positional=("name", "x"),
    options=(Option("name", "label", choices=ACTIVATIONS, doc="which activation; may be searched"),),
    shape=_shape,
    expand=_expand,
)

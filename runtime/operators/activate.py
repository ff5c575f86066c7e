"""activate(name, x): an activation by its name, so that the name may be a decision."""

from __future__ import annotations

from typing import Any

from recspace.compiler.checks import same
from recspace.compiler.promise import Build, Operator, Option, Options

ACTIVATIONS = ("relu", "gelu", "swish", "tanh", "sigmoid", "dice", "identity")


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
    shape=same,
    expand=_expand,
)

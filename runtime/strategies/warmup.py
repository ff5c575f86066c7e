"""warmup: train the weights of the supernet while its decisions are not searched yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "warmup",
    "Train the supernet's weights with its decisions at their defaults, drawn anew for every step, or mixed evenly",
    "train",
    (
        *fitting(1),
        Option("decisions", "label", "default", ("default", "random", "even"),
               doc="default: the hand-made model; random: an architecture for each step; even: equal weights"),
        Option("distill", "label", "none", ("none", "widest"), doc="learn from the widest architecture"),
        Option("sharing", "label", "none", ("none", "nested", "ordinal"), doc="smaller ones are slices of larger ones"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {"distill": ("widest",), "sharing": ("nested", "ordinal")}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) for architectures that cannot be drawn."""
    from ..sampling import refuse_priors

    if call.options["decisions"] == "random":
        refuse_priors(graph.decisions, call)


def start(context: Context, call: StageCall) -> Task:
    from ..supernet_stages import Warmup

    return Warmup(context, call)

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
        Option("distill", "label", "none", ("none", "widest"),
               doc="widest: beside the widest architecture a step trains one at random and the smallest, to say what that says"),
        Option("sharing", "label", "none", ("none", "nested", "ordinal"),
               doc="of weights without a supernet, as in one_shot(): smaller ones are the first rows and columns of larger ones"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) for architectures that cannot be drawn, and S0674 for what shared weights cannot train."""
    from ..plan import shares
    from ..refuse import refusal
    from ..sampling import refuse_priors

    if call.options["decisions"] == "random" or call.options["distill"] == "widest":
        refuse_priors(graph.decisions, call)
    if shares(call) and call.options["decisions"] == "even":
        place = call.spans.get("decisions", call.span)
        text = "`decisions = even` weighs all candidates of a supernet, and `sharing` and `distill` train one architecture at a time"
        raise refusal("S0674", text, place, help="write: decisions = random")


def start(context: Context, call: StageCall) -> Task:
    from ..plan import shares
    from ..shared_warmup import SharedWarmup
    from ..supernet_stages import Warmup

    if shares(call):
        return SharedWarmup(context, call)
    return Warmup(context, call)

"""one_shot: train shared weights with an architecture drawn for every step, then judge architectures with these weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import METRIC, fitting

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

FINETUNE = Option("finetune", "whole", 0, low=0, doc="steps that an architecture is trained for from shared weights before it is judged")  # fmt: skip

SHARED = (
    Option("sharing", "label", "none", ("none", "nested", "ordinal"),
           doc="none: layers of each width have their own weights; nested, ordinal: smaller ones are the first rows and columns"),
    Option("retrain", "whole", 0, low=0,
           doc="of the best that many are trained by themselves as well, and the best of these is taken; the report says how well shared weights rank"),
    Option("retrain_epochs", "whole", 1, low=1, doc="epochs of each of these"),
)  # fmt: skip

promise = Stage(
    "one_shot",
    "Train weights that all architectures share, with one drawn for every step, then judge some with these weights",
    "sample",
    (
        Option("only", "any", None, doc="the decisions to settle; the others wait for a later stage", refers="decision"),
        Option("draw", "label", "uniform", ("uniform", "balanced", "any_connection", "sandwich"),
               doc="uniform: all alike; balanced: options equally often; any_connection: how many connections before which; sandwich: widest and smallest too"),
        Option("paths", "whole", 1, low=1, doc="architectures drawn for a step: its gradient is their mean"),
        Option("distill", "label", "none", ("none", "widest"), doc="of a sandwich: the others learn what the widest says"),
        *SHARED,
        Option("samples", "whole", 100, low=1, doc="architectures that are judged after training"),
        FINETUNE,
        *fitting(10),
        METRIC,
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) for what cannot be drawn, and S0670 for options that contradict one another."""
    from ..refuse import refusal
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)
    if call.options["distill"] == "widest" and call.options["draw"] != "sandwich":
        place = call.spans.get("distill", call.span)
        text = "`distill = widest` needs the widest architecture in every step"
        raise refusal("S0670", text, place, help="write: draw = sandwich, distill = widest")


def start(context: Context, call: StageCall) -> Task:
    from ..one_shot_stage import OneShot

    return OneShot(context, call)

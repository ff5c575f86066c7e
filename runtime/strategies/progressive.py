"""progressive: run a stage along an index, what was learned before held fixed; or grow a chosen set."""

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
    "progressive",
    "Run a stage along an index, what was learned before held fixed; or grow a chosen set",
    "wrap",
    (
        Option("along", "any", None, doc="the index: its values are taken one after the other", refers="index"),
        Option("step", "call", None, ("relax",), doc="the stage of each value; what it does not say is said here"),
        Option(
            "held",
            "label",
            "weighed",
            ("weighed", "settled"),
            doc="decisions of values before: as the step weighs them, or as `derive` would settle them by one half",
        ),
        Option("grow", "any", None, doc="the decision that grows: a subset", refers="decision"),
        Option(
            "keep",
            "whole",
            None,
            low=1,
            doc="of a set that grows: most members kept; as many as it may have if nothing is said",
        ),
        *fitting(2, weights="weights"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    wraps=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0673) for a set that grows along an index."""
    from ..refuse import refusal

    if call.options["grow"] is not None and (call.options["along"] or call.options["step"]):
        text = "progressive() grows a set, or runs a stage along an index, and not both at once"
        raise refusal(
            "S0673", text, call.span, help="write two stages: progressive(grow = …) progressive(along = …, step = …)"
        )


def start(context: Context, call: StageCall) -> Task:
    from ..progressive_stage import Progressive
    from ..retaining import Retaining

    if call.options["grow"] is not None:
        return Retaining(context, call)

    return Progressive(context, call)

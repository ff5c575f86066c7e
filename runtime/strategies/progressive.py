"""progressive: run a stage along an index, what was learned before held fixed; or grow a chosen set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

if TYPE_CHECKING:
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
        Option("keep", "any", None, doc="most members kept"),
        *fitting(2, weights="weights"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    wraps=True,
)
LATER: dict[str, tuple[str, ...]] = {"grow": (), "keep": ()}


def start(context: Context, call: StageCall) -> Task:
    from ..progressive_stage import Progressive

    return Progressive(context, call)

"""retrain: train the derived model, from its start or from what the search has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

if TYPE_CHECKING:
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "retrain",
    "Train the derived model, stopped by rows of the training part that nothing else has seen",
    "train",
    (
        *fitting(10, patience=2),
        Option("gates", "label", "none", ("none", "fixed", "trained"),
               doc="kept gates are 1, or stay at the weight of the search, or go on from it"),
        Option("from", "label", "initial", ("initial", "search"), doc="where the weights start"),
        Option("rewind", "flag", False, doc="start exactly where the supernet's weights started; a narrower layer by itself starts larger"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def start(context: Context, call: StageCall) -> Task:
    from ..plain_stages import Retrain

    return Retrain(context, call)

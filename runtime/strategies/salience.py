"""salience: score gates by the gradient that they have at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "salience",
    "Score every gate by the size of the gradient that it has while all are open; `derive` keeps those that score most",
    "score",
    (
        Option("batches", "any", 1, doc="validation batches whose gradients are averaged, or all of them"),
        Option("batch_size", "whole", 1024, low=1, doc="rows of a batch"),
    ),
    frozenset({"gate"}),
    per_value=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0603) for a number of batches that is none."""
    from ..refuse import refusal

    asked = call.options["batches"]
    if asked != "all" and not (isinstance(asked, int) and not isinstance(asked, bool) and asked >= 1):
        place = call.spans.get("batches", call.span)
        text = "`batches` is a whole number of at least 1, or all"
        raise refusal("S0603", text, place, help="write batches = 1, or batches = all")


def start(context: Context, call: StageCall) -> Task:
    from ..salience import Salience

    return Salience(context, call)

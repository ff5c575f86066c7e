"""screen: keep open the gates of sets of fields that have anything to explain, found by counting."""

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
    "screen",
    "Settle as off the gates of sets of fields whose values, taken together, explain nothing; the others stay open",
    "screen",
    (
        Option("only", "any", None, doc="the decisions to screen; the others are left as they are", refers="decision"),
        Option("top", "whole", None, low=1, doc="that many gates of a decision stay open at most"),
        Option("per", "any", None, doc="the index within which `top` counts: per = k", refers="index"),
        Option("threshold", "real", 4.0, doc="standard deviations above what permuted labels give that a gate has to be"),
        Option("against", "label", "first_order", ("first_order", "share"),
               doc="what is explained already: by single fields, or by the share of positives (the mean) alone"),
        Option("bins", "whole", 10, low=2, doc="buckets of a raw number"),
        Option("cells", "whole", 131072, low=16, doc="cells of a set's table at most; of larger fields frequent values count"),
    ),
    frozenset({"gate"}),
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0603, S0605) for decisions that are not indexed by sets of fields."""
    from ..choices import searched
    from ..screening import refuse_decisions

    refuse_decisions(searched(graph), call)


def check(context: Context, call: StageCall) -> None:
    """Raises SpaceError (S0605) for labels and fields that cannot be counted."""
    from ..screening import refuse_data

    refuse_data(context, call)


def start(context: Context, call: StageCall) -> Task:
    from ..screening import Screen

    return Screen(context, call)

"""beam: grow a set step by step, keeping the best few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

if TYPE_CHECKING:
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "beam",
    "Grow a set step by step, keeping the best few; numbers get the best of their options before",
    "sample",
    (
        Option("grow", "any", doc="the decision that grows: a subset", refers="decision"),
        Option("join", "label", "any", ("any", "pairs"), doc="pairs: a new member joins two of the set or of the fields"),
        Option("width", "whole", 1, low=1, doc="sets kept at each step"),
        Option("evaluate", "call", None, ("field_wise_logistic",), doc="how candidates are judged; none: each set is trained"),
        Option("least", "real", 0.0, low=0.0, doc="by how much a larger set must be better on validation rows"),
        *fitting(1, patience=0),
    ),
    frozenset({"subset"}),
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def check(context: Context, call: StageCall) -> None:
    """Raises SpaceError (S0603, S0605, S0611) for what cannot grow or cannot be judged."""
    from .. import growing

    growing.check(context, call)


def start(context: Context, call: StageCall) -> Task:
    from .. import growing

    return growing.start(context, call)

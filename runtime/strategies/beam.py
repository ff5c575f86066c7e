"""beam: grow a set step by step, keeping the best few."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

promise = Stage(
    "beam",
    "Grow a set step by step, keeping the best few",
    "sample",
    (
        Option("grow", "any", doc="the decision that grows: a subset", refers="decision"),
        Option("join", "label", "any", ("any", "pairs"), doc="pairs: a new member joins two of the set"),
        Option("width", "whole", 1, low=1, doc="sets kept at each step"),
        Option("evaluate", "call", None, ("field_wise_logistic",), doc="how candidates are judged"),
    ),
    frozenset({"subset", "number", "gate"}),
    implemented=False,
)

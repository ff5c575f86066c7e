"""nsga2: multi-objective evolution by non-dominated sorting."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "nsga2",
    "Multi-objective evolution by non-dominated sorting",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("population", "whole", 50, low=2, doc="parents kept"),
        Option("budgets", "any", None, doc="the best for each budget"),
        Option("of", "any", None, doc="the cost that the budgets are of"),
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
    implemented=False,
)

"""tpe: tree-structured Parzen estimators."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "tpe",
    "Tree-structured Parzen estimators",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("startup", "whole", 10, low=0, doc="random trials before"),
        Option("budgets", "any", None, doc="the best for each budget"),
        Option("of", "any", None, doc="the cost that the budgets are of"),
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
    implemented=False,
)

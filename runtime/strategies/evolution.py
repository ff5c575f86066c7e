"""evolution: a population, mutated and crossed, the fittest surviving."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "evolution",
    "A population, mutated and crossed, the fittest surviving",
    "sample",
    (
        Option("population", "whole", 50, low=2, doc="parents kept"),
        Option("youngest", "whole", 0, low=0, doc="survivors come from this many latest; 0: all"),
        Option("survival", "any", None, doc="weights of rank, age and cost when it is decided who stays"),
        Option("rank_power", "whole", 1, low=1, doc="how much better ranks are preferred as parents"),
        Option("mutants", "whole", 1, low=1, doc="children proposed for each that is judged"),
        Option("guide", "label", "none", ("none", "lambdarank", "estimator"), doc="what picks among the mutants"),
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("budgets", "any", None, doc="the best for each budget"),
        Option("of", "any", None, doc="the cost that the budgets are of"),
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
    implemented=False,
)

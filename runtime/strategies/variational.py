"""variational: infer weights and selections by stochastic gradient variational Bayes, in turn."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "variational",
    "Infer weights and selections by stochastic gradient variational Bayes, in turn",
    "infer",
    (
        Option("weights", "any", doc="learned tensors with a posterior", refers="learned"),
        Option("samples", "whole", 1, low=1, doc="draws a step"),
        Option("selection_epochs", "whole", 5, low=1, doc="epochs of the selections"),
        *fitting(20),
    ),
    frozenset({"gate"}),
    per_value=True,
    implemented=False,
)

"""salience: score gates by the gradient that they have at one."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

promise = Stage(
    "salience",
    "Score gates by the gradient that they have at one",
    "score",
    (
        Option("batches", "any", 1, doc="validation batches, or all"),
        Option("budgets", "any", None, doc="one model for each budget"),
        Option("of", "any", None, doc="the cost that the budgets are of"),
    ),
    frozenset({"gate"}),
    per_value=True,
    implemented=False,
)

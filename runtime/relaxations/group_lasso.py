"""group_lasso: A gate closes when the norm of the rows that it gates is driven to zero."""

from __future__ import annotations

from recspace.compiler.promise import Option, Relaxation

promise = Relaxation(
    "group_lasso",
    "A gate closes when the norm of the rows that it gates is driven to zero",
    (Option("strength", "real", 0.001, low=0.0, doc="of the penalty on the norms"),),
    frozenset({"gate"}),
    per_value=True,
    implemented=False,
)

"""progressive: run a stage along an index, what was learned before held fixed; or grow a chosen set."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "progressive",
    "Run a stage along an index, what was learned before held fixed; or grow a chosen set",
    "wrap",
    (
        Option("along", "any", None, doc="the index", refers="index"),
        Option("step", "call", None, doc="the stage of each step"),
        Option("grow", "any", None, doc="the decision that grows: a subset", refers="decision"),
        Option("keep", "any", None, doc="most members kept"),
        *fitting(2),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    wraps=True,
    implemented=False,
)

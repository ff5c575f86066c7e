"""asha: stop trials early: only the better part of each rung goes on."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

promise = Stage(
    "asha",
    "Stop trials early: only the better part of each rung goes on",
    "sample",
    (
        Option("factor", "whole", 3, low=2, doc="one of this many goes on"),
        Option("shortest", "whole", 1, low=1, doc="epochs of the first rung"),
        Option("longest", "whole", 10, low=1, doc="epochs of the last one"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
    wraps=True,
    implemented=False,
)

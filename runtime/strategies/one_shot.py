"""one_shot: train one supernet with a path drawn for every step, then judge paths with the weights they share."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "one_shot",
    "Train one supernet with a path drawn for every step, then judge paths with the weights they share",
    "sample",
    (
        Option(
            "only", "any", None, doc="the decisions to settle; the others wait for a later stage", refers="decision"
        ),
        Option("samples", "whole", 100, low=1, doc="paths that are judged after training"),
        Option(
            "sharing",
            "label",
            "none",
            ("none", "nested", "ordinal"),
            doc="smaller candidates are slices of larger ones",
        ),
        *fitting(10),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    implemented=False,
)

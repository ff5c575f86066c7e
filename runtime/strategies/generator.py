"""generator: a network picks component after component, each seeing those before."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "generator",
    "A network picks component after component, each seeing those before",
    "sample",
    (
        Option(
            "sharing",
            "label",
            "none",
            ("none", "nested", "ordinal"),
            doc="smaller candidates are slices of larger ones",
        ),
        *fitting(5),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    implemented=False,
)

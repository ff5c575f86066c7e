"""proximal: Forward with one option alone, gradients on continuous weights clipped to [0, 1] (NASP, AAAI 2020)."""

from __future__ import annotations

from recspace.compiler.promise import Option, Relaxation

promise = Relaxation(
    "proximal",
    "Forward with one option alone, gradients on continuous weights clipped to [0, 1] (NASP, AAAI 2020)",
    (Option("initial", "real", 0.5, low=0.0, high=1.0, doc="where weights start"),),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    implemented=False,
)

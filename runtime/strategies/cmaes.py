"""cmaes: covariance matrix adaptation over reals and ordered grids."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "cmaes",
    "Covariance matrix adaptation over reals and ordered grids",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("sigma", "real", 0.3, low=0.0, doc="first step size, as a share of the domain"),
        *fitting(1, patience=0),
    ),
    frozenset({"real", "number", "range"}),
    implemented=False,
)

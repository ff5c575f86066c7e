"""bayes_tree: split what was explored by a tree of naive Bayes classifiers and sample its best leaves."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

promise = Stage(
    "bayes_tree",
    "Split what was explored by a tree of naive Bayes classifiers and sample its best leaves",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("percentile", "real", 90.0, low=0.0, high=100.0, doc="what counts as good"),
        Option("concentration", "real", 1.0, low=0.0, doc="of the Chinese-restaurant sampling over leaves"),
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    implemented=False,
)

"""field_wise_logistic: judge a new cross by a logistic regression in which its weights alone move (AutoCross)."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

promise = Stage(
    "field_wise_logistic",
    "Judge a cross by a logistic regression over the fields in which only the weights of the new one are learned",
    "evaluator",
    (Option("batches", "whole", 20, low=1, doc="mini-batches, with half of the candidates left after each round"),),
)

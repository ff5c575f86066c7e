"""Sums of numbers and sequences: what an empty list leaves does not depend on the order of the terms."""

from __future__ import annotations

import pytest
from generate import program_of

from .agreement import Pair, derived_agrees, relaxed_agrees
from .checking import said
from .test_agreement import MIXED

TERMS = ("bias()", "linear(embed(tags, 4), 1)", "linear(embed(user, 4), 1)")


@pytest.mark.parametrize(
    "value",
    [
        " + ".join(TERMS),
        " + ".join(TERMS[::-1]),
        f"{TERMS[2]} + {TERMS[0]} + {TERMS[1]}",
        "weight(tags) + g * bias()",
        "g * bias() + weight(tags)",
        "bias() - linear(-embed(words, 4), 1) + 1",
        "sum(linear(embed(f, 4), 1) + bias() for f in fields)",
        "dot(embed(words, 3) + 1, embed(user, 3))",
    ],
)
def test_the_order_of_terms_is_nothing(value):
    text = f"space S\nchoose g from {{off, on}}\npredict sigmoid({value})\nminimize logloss\n"
    pair = Pair(program_of(text), MIXED, {}, rows=12)
    relaxed_agrees(pair, 1)
    for option in (0, 1):
        derived_agrees(pair, 1, {"g": (option,)})


@pytest.mark.parametrize(
    ("value", "help", "right"),
    [
        ("weight(tags)", "mean(x) or sum(x)", "mean(weight(tags))"),
        ("linear(embed(tags, 4), 1)", "mean(x) or sum(x)", "sum(linear(embed(tags, 4), 1))"),
        ("embed(tags, 4)", "linear(mean(x), 1)", "linear(mean(embed(tags, 4)), 1)"),
        ("embed(user, 4)", "linear(x, 1)", "linear(embed(user, 4), 1)"),
        ("stack(embed(user, 4))", "linear(flatten(x), 1)", "linear(flatten(stack(embed(user, 4))), 1)"),
    ],
)
def test_a_prediction_that_is_no_number(value, help, right):
    """What the help says works."""
    text = "space S\npredict sigmoid({})\nminimize logloss\n"
    (fault,) = said(text.format(value), MIXED)
    assert (fault.code, fault.help) == ("S0315", f"bring it to one number: {help}")
    assert said(text.format(right), MIXED) == ()

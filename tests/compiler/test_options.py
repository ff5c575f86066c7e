"""Named arguments against what a promise declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from recspace.compiler.options import check_options, unfit
from recspace.compiler.promise import Option, Stage
from recspace.compiler.shapes import Searched

STAGE = Stage(
    "relax",
    "a stage",
    "relax",
    (
        Option("epochs", "whole", 1, low=1, high=100, doc="passes over the data"),
        Option("as", "label", choices=("softmax", "gumbel", "gate")),
        Option("temperature", "schedule", 1.0, low=0),
    ),
)


@dataclass(frozen=True)
class Moving:
    start: float
    end: float


@dataclass(frozen=True)
class Called:
    name: str


def test_defaults_are_filled_in() -> None:
    assert check_options(STAGE, {"as": "gate"}) == ({"epochs": 1, "as": "gate", "temperature": 1.0}, ())


def test_everything_wrong_is_told_at_once() -> None:
    options, problems = check_options(STAGE, {"epochs": 0, "epoch": 3, "temperature": Moving(1, -1)})
    assert options == {"epochs": 1, "as": None, "temperature": 1.0}
    assert [(p.option, p.fault, p.instead) for p in problems] == [
        ("epoch", "unknown", "epochs"),
        ("epochs", "wrong", ""),
        ("as", "missing", ""),
        ("temperature", "wrong", ""),
    ]
    assert [p.message for p in problems] == [
        "relax() has no option `epoch`",
        "`epochs` of relax() must be a whole number of at least 1 and at most 100",
        "relax() needs `as`",
        "`temperature` of relax() must be a number, or `start -> end`, of at least 0",
    ]
    assert [p.code(operator=False) for p in problems] == ["S0602", "S0603", "S0604", "S0603"]
    assert problems[0].help == "did you mean `epochs`?"


def test_a_label_that_is_nearly_right() -> None:
    _, (problem,) = check_options(STAGE, {"as": "gumble"})
    assert problem.instead == "gumbel"
    assert problem.message == "`as` of relax() must be one of softmax, gumbel, gate"


def test_options_of_nobody() -> None:
    _, (problem,) = check_options(Stage("derive", "settles", "settle"), {"x": 1})
    assert problem.help == "it has no options"


@pytest.mark.parametrize(
    ("option", "right", "wrong"),
    [
        (Option("o", "width"), [1, 64, Searched((2, 8), ("d",))], [0, 2.5, True, "wide", [3], float("nan")]),
        (Option("o", "width", choices=("same",)), ["same", 3], ["other"]),
        (Option("o", "logits"), ["logits", 3], ["logit", 0]),
        (Option("o", "widths"), [[], [3, 4], (3, Searched((2, 8), ("d",)))], [3, [0], [1.5], [True]]),
        (Option("o", "whole", low=0), [0, 7], [-1, 0.5, False, "a", float("inf")]),
        (Option("o", "real", low=0, high=0.99), [0, 0.5, 0.99], [1, -0.1, "a", True, float("nan")]),
        (Option("o", "flag"), [True, False], [1, 0, "true", None]),
        (Option("o", "label", choices=("a", "b")), ["a", frozenset({"a", "b"})], ["c", 1, frozenset({"c"}), None]),
        (Option("o", "schedule", low=0), [1, 0.5, Moving(1, 0)], [-1, Moving(1, -1), "a", True]),
        (Option("o", "call", choices=("grda",)), [Called("grda")], [Called("adam"), "grda", 3]),
        (Option("o", "any"), [1, "a", None], []),
    ],
)
def test_kinds(option: Option, right: list[Any], wrong: list[Any]) -> None:
    assert [v for v in right if unfit(option, v)] == []
    assert [v for v in wrong if not unfit(option, v)] == []

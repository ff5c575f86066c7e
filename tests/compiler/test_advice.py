"""Help that works when it is pasted: with the edits of a message made, the message is gone and nothing else is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recspace.compiler.example import EXAMPLE
from recspace.compiler.schema import Label, Schema
from recspace.dsl.diagnostics import Diagnostic
from recspace.dsl.edits import apply_edits

from .checking import END, said

RATINGS = replace(EXAMPLE, label=Label("number", column="rating", upper=4.0))
CLASSES = replace(EXAMPLE, label=Label("classes", 5))


def only(text: str, schema: Schema = EXAMPLE) -> Diagnostic:
    (found,) = said(text, schema)
    return found


def mended(text: str, schema: Schema = EXAMPLE) -> Diagnostic:
    """The one thing that is said of a text; nothing is when its edits are made."""
    found = only(text, schema)
    assert found.edits, found
    assert said(apply_edits(text, found.edits), schema) == ()
    return found


def test_logloss_needs_a_label_of_two_values():
    text = "space T\npredict  sigmoid(bias() + weight(user))\nminimize logloss\n"
    found = mended(text, RATINGS)
    assert (found.code, found.severity, found.span.text) == ("S0318", "error", "logloss")
    assert "--label 'rating >= 4'" in found.help
    assert apply_edits(text, found.edits) == "space T\npredict  bias() + weight(user)\nminimize mse\n"
    assert said(text) == ()


def test_classes_need_a_number_each():
    text = "space T\npredict {}\nminimize logloss\n"
    assert (found := only(text.format("weight(user)"), CLASSES)).code == "S0315"
    assert "linear(x, 5)" in found.help
    assert said(text.format("linear(embed(user, 4), count(classes(label)))"), CLASSES) == ()


@pytest.mark.parametrize(
    "prediction",
    ["bias()", "number(price)", "2 * sigmoid(bias())", "sigmoid(bias()) + sigmoid(bias())", "bias() if g else 0", "label - 1"],
)  # fmt: skip
def test_logloss_of_what_is_no_probability(prediction):
    found = mended(f"space T\nchoose g from {{off, on}}\nlet unused = g\npredict {prediction}\nminimize logloss\n")
    assert (found.code, found.severity, found.span.text) == ("S0319", "warning", prediction)


@pytest.mark.parametrize(
    "prediction",
    [
        "sigmoid(bias())", "0.5", "0.5 * sigmoid(bias()) + 0.5 * sigmoid(weight(user))", "1 - sigmoid(bias())",
        "sigmoid(bias()) * sigmoid(weight(user))", "mean(sigmoid(weight(f)) for f in fields)", "g * sigmoid(bias())",
        "sigmoid(bias()) if g else 0.5", "product(sigmoid(weight(f)) for f in fields)", "min(sigmoid(bias()), 1)",
    ],
)  # fmt: skip
def test_a_probability_is_one(prediction):
    text = f"space T\nchoose g from {{off, on}}\nlet unused = g\npredict {prediction}\nminimize logloss\n"
    assert said(text) == ()


def test_other_losses_take_any_number():
    assert said(f"space T\npredict bias()\nminimize mse\n{END[:0]}") == ()


WORDS = "choose way[i < j in fields] from {no, yes}\nlet x[i < j in fields] = 2\n"


@pytest.mark.parametrize(
    ("use", "place", "written"),
    [
        ("sum(way[i, j] * x[i, j] for i < j in fields)", "way[i, j]", "(way[i, j] == yes)"),
        ("sum(way)", "sum(way)", "sum(way[i, j] == yes for i < j in fields)"),
        ("sum(way[i, j] for i < j in fields)", "way[i, j]", "(way[i, j] == yes)"),
        ("sum(1 + way[i, j] for i < j in fields)", "way[i, j]", "(way[i, j] == yes)"),
        ("sum(way[i, j] < 1 for i < j in fields)", "way[i, j]", "(way[i, j] == yes)"),
    ],
)
def test_a_name_is_no_number(use, place, written):
    text = f"space T\n{WORDS}let y = {use}\n{END}"
    found = mended(text)
    assert (found.code, found.span.text, found.edits[0].text) == ("S0302", place, written)


def test_a_name_is_no_width():
    found = only(f"space T\nchoose way from {{small, large}}\nlet y = embed(user, way)\n{END}")
    assert (found.code, found.span.text) == ("S0302", "way")


def test_a_cross_of_several_values_is_an_error_on_a_table():
    text = "space T\nlet z[i < j in {}] = embed(cross(i, j), 4)\n" + END
    table = replace(EXAMPLE, example=False, fields=EXAMPLE.fields[:4] + EXAMPLE.fields[6:7])
    found = only(text.format("fields"), table)
    assert (found.code, found.span.text) == ("S0532", "cross(i, j)")
    for written in ("categorical", "fields - {genres}"):
        assert written in found.help
        assert said(text.format(written), table) == ()
    assert said(text.format("fields")) == ()  # without a table the space is checked and counted


def test_buckets_are_of_numbers():
    assert (found := only(f"space T\nlet x = embed(bucket(user, 5), 4)\n{END}")).code == "S0309"
    assert "user: number()" in found.help

"""Help that works when it is pasted: with the edits of a message made, the message is gone and nothing else is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recspace.compiler.example import EXAMPLE
from recspace.compiler.schema import Field, Label, Schema
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
    assert (found.code, found.span.text) == ("S0310", "way")


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


BODY = "let e[f in fields] = embed(f, 4)\nchoose dim[f in fields] from {4, 8}\nlet w[f in fields] = embed(f, dim[f])\n"


@pytest.mark.parametrize(
    ("statement", "code", "place"),
    [
        ("require flops() <= 1", "S0104", "flops"),
        ("let x = deep(e)", "S0104", "deep"),
        ("let x = wide", "S0104", "wide"),
        ("let y[f in fields] = embed(f, choose n from {2, 4} default 4)\nrequire sum(n) <= 30", "S0104", "n"),
        ("let y = 2 * (choose n from 1..3)\nrequire n <= 2", "S0104", "n"),
        ("let x = sum(1 for f in fields - genres)", "S0202", "genres"),
        ('require dim["user"] == 4', "S0203", '"user"'),
        ("require dim[item] in {4, 8}", "S0202", "dim[item]"),
        ("let x = e[user] * e[item] + linear(e[user], 1)", "S0303", "+"),
        ("let x = linear(e, 4) - e[user]", "S0201", "e"),
        ("let x = mlp(e, [4])", "S0201", "e"),
        ("let x = senet(e)", "S0201", "e"),
        ("require count(dim[f] == 4 for f in fields) <= 3", "S0308", "count"),
        ("expect size == 12", "S0409", "size == 12"),
        ("choose k[i, j in fields] from {off, on}\nlet x = sum(k[i, j] * 2 for i < j in fields)", "S0411", "k"),
        ("choose k[i, j in fields] from {off, on}\nlet x = sum(k[i, j] * 2 for i <= j in fields)", "S0411", "k"),
    ],
)
def test_help_that_works_when_pasted(statement, code, place):
    found = mended(f"space T\n{BODY}{statement}\n{END}")
    assert (found.code, found.span.text) == (code, place)


@pytest.mark.parametrize(
    ("statement", "code", "help"),
    [
        ("let x = rmse", "S0104", "a loss: bpr, logloss, mse, softmax_loss"),
        ("let x = sum + 1", "S0104", "call it: sum(…)"),
        ("require sum(dim) < 36", "S0408", "the left side lies in 36..72"),
        ("require sum(dim[f] == 4 for f in fields) >= 10", "S0408", "the left side lies in 0..9"),
        ("expect bias() > 1", "S0409", "a `require`"),
        ("let x = sum(y for f in fields)\nlet y = sum(2 * choose_ for k in 1..2)", "S0104", ""),
    ],
)
def test_help_that_says_how(statement, code, help):
    (found, *_) = said(f"space T\n{BODY}{statement}\n{END}")
    assert found.code == code
    assert help in found.help


@pytest.mark.parametrize(
    ("prediction", "place"),
    [
        ("sigmoid(bias() + sum(e[i] * e[j] for i < j in fields))", "sum(e[i] * e[j] for i < j in fields)"),
        ("sigmoid(bias() + e[user] * e[item] + weight(user))", "e[user] * e[item]"),
        ("sigmoid(bias() + pairs - weight(user))", "pairs"),
        ("sigmoid(e[user])", "e[user]"),
    ],
)
def test_the_summand_that_is_no_number(prediction, place):
    text = f"space T\nlet e[f in fields] = embed(f, 4)\nlet pairs = e[user] * e[item]\npredict {prediction}\nminimize logloss\n"
    found = mended(text)
    assert (found.code, found.span.text) == ("S0315", place)


def test_a_component_without_its_parentheses():
    text = f'import "lib/parts.space"\nspace T\nlet x = wide + 1\n{END}'
    assert (found := mended(text)).code == "S0104"
    assert apply_edits(text, found.edits) == text.replace("wide", "wide()")


def test_a_metric_is_replaced_by_a_loss():
    text = f"space T\n{END}".replace("minimize logloss", "minimize auc")
    assert apply_edits(text, mended(text).edits) == f"space T\n{END}"


def test_a_decision_that_nothing_mentions():
    found = only(f"space T\nchoose k[f in fields] from {{off, on}}\n{END}")
    assert (found.code, found.severity, found.span.text) == ("S0411", "warning", "k")
    assert (
        said(
            f"space T\nchoose bins[f in {{price}}] from {{5, 10}}\nlet x = embed(cross(price, user, bins = bins), 2)\n{END}"
        )
        == ()
    )


def shop(**roles: str) -> Schema:
    fields = (
        Field("shopper", "category", 40),
        Field("product", "category", 60, "item"),
        Field("tags", "many", 4, longest=3),
    )
    named = [replace(f, name=roles.get(f.name, f.name)) for f in fields]
    return replace(EXAMPLE, example=False, rows=0, fields=tuple(named))


def test_roles_that_the_data_lacks_are_asked_for_once():
    text = f"space T\nlet x = embed(user, 4)\nlet y = weight(user)\nlet z = embed(nodes, 2)\n{END}"
    first, second = said(text, shop())
    assert (first.code, first.span.text, second.span.text) == ("S0104", "user", "nodes")
    assert "--rename shopper=user" in first.help
    assert "--rename tags=nodes" in second.help
    assert said(text, shop(shopper="user", tags="nodes")) == ()


def test_a_column_that_hides_a_set():
    found = only(f"space T\nlet x = sum(weight(f) for f in fields)\n{END}", shop(tags="fields"))
    assert (found.code, found.span.text) == ("S0202", "fields")
    assert "--rename fields=fields_" in found.help

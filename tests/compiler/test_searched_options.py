"""Options that decisions choose: floats, labels and flags as they are written, and nothing that cannot be the option."""

from __future__ import annotations

import pytest
from generate import program_of

from recspace.dsl import SpaceError

from .agreement import Pair, derived_agrees, random_architecture, relaxed_agrees
from .checking import faults
from .test_agreement import IDS

SEARCHED = (
    ("", "linear(mlp(embed(user, 4), [8], dropout = choose p from {0.1, 0.5}), 1)"),
    ("", "linear(mlp(embed(user, 4), [3, 2], activation = choose p from {relu, tanh}), 1)"),
    ("", "linear(combine(choose p from {plus, multiply}, embed(user, 4), embed(item, 4)), 1)"),
    ("", "linear(batch_norm(embed(user, 4), affine = choose p from {off, on}), 1)"),
    ("", "linear(embed(user, 4), 1, bias = choose p from {off, on})"),
    ("", "sum(linear(concat(embed(f, 2) for f in fields), 2, bias = choose p from {off, on}))"),
    ("", "sum(linear(concat(embed(f, choose d from {1, 2}) for f in fields), 2, bias = choose p from {off, on}))"),
    ("", "linear(embed(user, 4, sharing = choose p from {none, table}), 1)"),
    ("", "linear(embed(user, 4, min_count = choose p from {1, 100}), 1)"),
    ("", "linear(flatten(self_attention(stack(embed(user, 4), embed(item, 4)), heads = choose p from {1, 2})), 1)"),
    ("", "sum(elementwise(embed(user, 4), [choose p from {4, 8}], activation = tanh))"),
    (
        "",
        "sum(elementwise(embed(user, 4), [choose p from {4, 8}, choose q from {2, 3}], "
        "activation = choose r from {tanh, relu}))",
    ),
    ("", "sum(sum(linear[f](embed(f, 2), 2, bias = choose p from {off, on})) for f in fields)"),
    ("choose one from {off, on}", "sum(sum(linear(embed(f, 2), 2, bias = one)) for f in fields)"),
    (
        "choose affine[f in fields] from {off, on}",
        "sum(sum(batch_norm[f](embed(f, 2, min_count = choose p from {1, 2}), affine = affine[f])) for f in fields)",
    ),
)


@pytest.mark.parametrize(("definitions", "value"), SEARCHED)
def test_every_value_of_an_option_has_its_model(definitions, value):
    pair = Pair(program_of(f"space S\n{definitions}\npredict sigmoid({value})\nminimize logloss\n"), IDS, {})
    relaxed_agrees(pair, 1)
    decisions = pair.supernet.graph.decisions
    for option in (0, 1):
        derived_agrees(pair, 1, {d.name: (option,) * d.elements for d in decisions})
    derived_agrees(pair, 2, random_architecture(decisions, 2))


def test_dropout_has_the_rates_that_are_written():
    value = "linear(mlp(embed(user, 4), [8], dropout = choose p from {0.1, 0.5}), 1)"
    pair = Pair(program_of(f"space S\npredict sigmoid({value})\nminimize logloss\n"), IDS, {})
    assert "rate=0.1" in pair.supernet.source
    assert "rate=0.5" in pair.supernet.source


@pytest.mark.parametrize(
    "domain", ["{relu, tanh}", "{1.5, 2.5}", "{2, 2.5}", "{0, 2}", "0..2", "{off, on}", "1.0..2.0"]
)
def test_widths_are_whole_numbers_from_one(domain):
    for value in ("linear(embed(user, {}), 1)", "linear(embed(user, 4), {})", "mlp(embed(user, 4), {})"):
        choice = f"choose q from {domain}"
        place = f"[{choice}]" if "mlp" in value else choice
        assert faults(f"let x = {value.format(place)}") == [("S0310", place)]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("mlp(embed(user, 4), [8], dropout = choose q from {0.1, 3})", "choose q from {0.1, 3}"),
        ("embed(user, 4, min_count = choose q from {0, 3})", "choose q from {0, 3}"),
        ("linear(embed(user, 4), 2, bias = choose q from {1, 2})", "choose q from {1, 2}"),
        ("linear(embed(user, 4), 2, bias = choose q from {yes, no})", "choose q from {yes, no}"),
        ("embed(user, 4, table = choose q from {full, hash})", "choose q from {full, hash}"),
    ],
)
def test_every_option_of_a_domain_is_looked_at(value, place):
    assert faults(f"let x = {value}") == [("S0310", place)]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (
            "sum(sum(linear(embed(f, 2), 2, bias = choose p from {off, on})) for f in categorical)",
            "choose p from {off, on}",
        ),
        ("sum(embed(user, 2, min_count = choose p from 1..1000))", "choose p from 1..1000"),
    ],
)
def test_what_is_not_searched_yet_says_so(value, place):
    assert faults(f"let x = {value}") == [("S0630", place)]


def test_a_table_of_crosses_is_hashed_to_one_size():
    value = "weight(cross(user, item, hashed = choose p from {5, 10}))"
    assert faults(f"let x = {value}") == [("S0213", "choose p from {5, 10}")]


def test_a_number_that_decisions_add_up_to_is_no_option_yet():
    value = "linear(mlp(embed(user, 4), [8], dropout = p / 4), 1)"
    pair = Pair(program_of(f"space S\nchoose p from {{1, 2}}\npredict sigmoid({value})\nminimize logloss\n"), IDS, {})
    with pytest.raises(SpaceError) as refused:
        _ = pair.supernet
    assert [d.code for d in refused.value.diagnostics] == ["S0630"]

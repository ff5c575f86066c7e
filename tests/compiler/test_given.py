"""Decisions of values whose logits come from popularity: generated code against the oracle, and what derived models store."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from generate import program_of, schema_of

from recspace.compiler.compile import check
from recspace.compiler.schema import Field, Label
from recspace.dsl import SpaceError
from recspace.runtime.choices import Set
from recspace.runtime.module import build
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, float64, model_of, random_architecture, relaxed_agrees, shipped
from .test_agreement import IDS, MIXED

LOGLOSS = "\nminimize logloss\n"
TABLES = "let e[f in categorical] = embed(f, 3)\n"
PREFIX = "[k <= n[f, value(f)] for k in 1..3]"
BODIES = {
    "a prefix of each field's own": "choose n[f in categorical, v in values(f)] from 1..3 given linear(mlp(log(1 + frequency(v)), [2]), logits)\n"
    f"{TABLES}predict sigmoid(linear(concat(e[f] * {PREFIX} for f in categorical), 1))",
    "of one field": "choose n[v in values(item)] from {4, 2} given linear(frequency(v), logits)\n"
    "predict sigmoid(n[value(item)] * weight(item) + weight(user))",
    "gates": "choose keep[f in categorical, v in values(f)] from {off, on} given 0.1 * frequency(v) - bias()\n"
    "predict sigmoid(sum(keep[f, value(f)] * weight(f) for f in categorical))",
    "read twice": "choose n[v in values(user)] from 1..2 given linear(normalize(log(frequency(v))), logits)\n"
    "predict sigmoid(n[value(user)] * weight(item) + exp(n[value(user)]) * weight(user))",
    "layers of each field's own": "choose n[f in categorical, v in values(f)] from 1..3 given linear[f](frequency(v), logits)\n"
    f"{TABLES}predict sigmoid(sum(sum(e[f] * {PREFIX}) for f in categorical))",
    "what a stream has decided": "choose n[v in values(item)] from {2, 3} given linear(concat(frequency(v), current(n[v])), logits)\n"
    "choose keep[v in values(user)] from {off, on} given frequency(v) - current(keep[v])\n"
    "predict sigmoid(n[value(item)] * weight(item) + keep[value(user)] * weight(user))",
    "a width that is mixed": "choose n[v in values(item)] from {2, 3} given linear(frequency(v), logits)\n"
    "predict sigmoid(linear(sum(align[d](embed[d](item, d), 2) for d in {2, 3} if n[value(item)] == d), 1) + weight(user))",
}


def pair_of(body, schema=IDS):
    return Pair(program_of(f"space S\n{body}{LOGLOSS}"), schema, {})


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_generated_code_is_the_oracles(body, seed):
    relaxed_agrees(pair_of(body), seed)
    derived_agrees(pair_of(body), seed)


@pytest.mark.parametrize("path", ["embedding/autoemb.space"])
def test_autoemb(path):
    schema = replace(IDS, label=Label("number"))
    pair = Pair(shipped(path), schema, {"widths": (2, 3)})
    relaxed_agrees(pair, 1)
    derived_agrees(pair, 1)


def test_what_is_decided_so_far_is_even_before_a_stream():
    pair = pair_of(BODIES["what a stream has decided"])
    held = {t.attribute: t.settled for t in pair.supernet.tensors if t.settled is not None}
    assert held["current_n"].tolist() == [[0.5, 0.5]] * 3
    assert held["current_keep"].tolist() == [0.5] * 4


@pytest.mark.parametrize("asked", ["current(n)", "current(n[1])", "current(m[v])"])
def test_only_what_is_decided_for_a_value_has_a_state(asked):
    text = f"choose n[v in values(item)] from 1..2 given linear(concat(frequency(v), {asked}), logits)\nchoose m from 1..2\n"
    found = check(program_of(f"space S\n{text}predict n[value(item)] + m{LOGLOSS}"), IDS, promises()).diagnostics
    assert found[0].code in ("S0308", "S0205", "S0203")


@pytest.mark.parametrize("seed", [1, 2])
def test_amtl(seed):
    pair = Pair(shipped("embedding/amtl.space"), IDS, {"width": 3})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


def test_a_value_never_seen_keeps_least_whatever_its_logits_are():
    pair = pair_of(
        "choose n[v in values(item)] from {5, 2, 3} given linear(frequency(v), logits)\npredict n[value(item)]"
    )
    asked = []

    def weigher(logits, noise, at):
        asked.append(at.tolist())
        return torch.nn.functional.one_hot(torch.zeros_like(at), 3).double()

    items = {"item": torch.tensor([0, 1, 3])}
    with float64(), torch.no_grad():
        model = model_of(pair.supernet)
        assert model.module(items, {"n": weigher}).tolist() == [2, 5, 5]
        assert asked == [[-1, 0, 2]]
        assert model.module(items, {"n": Set(torch.eye(3))}).tolist() == [2, 5, 3]
        assert model_of(pair.plain({"n": (0, 1, 2)})).module(items).tolist() == [2, 5, 3]


def test_counts_are_those_of_training_and_none_of_the_unknown_value():
    held = {t.attribute: t.settled for t in pair_of(BODIES["gates"]).supernet.tensors if t.settled is not None}
    assert {n: a.tolist() for n, a in held.items()} == {"counts": [0, 12, 9, 6, 3, 0, 9, 6, 3, 0, 6, 3]}


def test_what_predicts_is_of_the_upper_level_and_no_part_of_a_derived_model():
    pair = pair_of(BODIES["a prefix of each field's own"])
    upper = {t.attribute for t in pair.supernet.tensors if t.trainable and t.upper}
    assert upper
    assert all(name.startswith("n_") for name in upper)
    plain = pair.plain(random_architecture(pair.supernet.graph.decisions, 3))
    assert not upper & {t.attribute for t in plain.tensors}
    assert "counts" not in plain.source


LARGE = schema_of(Field("user", "category", 60, "user"), Field("item", "category", 40, "item"))


def stored(pair, architecture):
    state = build(pair.plain(architecture), torch.device("cpu")).module.state_dict()
    return {n: tuple(t.shape) for n, t in state.items()}


def test_a_prefix_is_all_that_is_stored_of_a_row():
    pair = pair_of(BODIES["a prefix of each field's own"], LARGE)
    widths = np.array([1] * 90 + [3] * 10)
    found = stored(pair, {"n": tuple((widths - 1).tolist())})
    assert {n: s for n, s in found.items() if "embed" in n} == {
        "kept_embed_3": (2 + 90 + 30,),  # a value never seen keeps one number, too
        "kept_embed_3_start": (103,),
        "kept_embed_3_column": (2 + 90 + 30,),
    }
    assert "n_options" not in found


def test_each_width_has_rows_for_those_alone_who_have_chosen_it():
    pair = pair_of(BODIES["a width that is mixed"], LARGE)
    found = stored(pair, {"n": (0,) * 30 + (1,) * 10})
    assert found["kept_embed_2"] == (31, 2)
    assert found["kept_embed_3"] == (10, 3)
    assert found["n_options"] == (40,)


def test_nothing_is_taken_from_a_table_whose_products_are_mixed_with_others():
    """A mean over the values of an example is more than one value: what is 0 for one of them is not for all."""
    tags = (
        "choose keep[v in values(tags)] from {off, on}\nlet e = embed(tags, 2)\n"
        "predict sigmoid(linear(mean(e), 1) * sum(keep[value(tags)]))"
    )
    for seed in (1, 2, 3):
        derived_agrees(pair_of(tags, MIXED), seed)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("linear(frequency(v), 2)", "`n` has 3 options, and its logits are vector[2]"),
        ("frequency(v)", "`n` has 3 options, and its logits are a number"),
    ],
)
def test_logits_are_as_many_as_options(given, said):
    text = f"space S\nchoose n[v in values(item)] from 1..3 given {given}\npredict n[value(item)]{LOGLOSS}"
    found = check(program_of(text), IDS, promises()).diagnostics
    assert [(d.code, d.message, d.span.text) for d in found] == [("S0420", said, given)]
    assert "logits" in found[0].help


def test_an_aggregate_of_what_is_given_is_refused():
    text = "choose keep[v in values(item), k in 1..2] from {off, on} given frequency(v)\npredict sigmoid(sum(keep[value(item), :] * embed(item, 2)))"
    with pytest.raises(SpaceError, match="S0630"):
        _ = pair_of(text).supernet


def test_logits_of_values_differ_with_their_counts_alone():
    """Two values of one count have the same weights."""
    weighed = []

    def weigher(logits, noise, at):
        weighed.append(logits)
        return logits.softmax(-1)

    with float64(), torch.no_grad():
        model = model_of(pair_of(BODIES["of one field"]).supernet)
        model.tensors["counts"][1:] = torch.tensor([7, 7, 1])
        model.tensors["n_linear__weight"].copy_(torch.tensor([[1.0, -1.0]]))
        model.module({"item": torch.tensor([1, 2, 3]), "user": torch.tensor([1, 1, 1])}, {"n": weigher})
    assert weighed[0].tolist() == [[7, -7], [7, -7], [1, -1]]

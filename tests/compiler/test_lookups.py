"""What is decided for every value of a field: generated code against the oracle, and what is refused."""

import pytest
import torch
from generate import program_of, schema_of
from reference import Drawn

from recspace.compiler.compile import check
from recspace.compiler.schema import Field, Label
from recspace.dsl import SpaceError, library_path
from recspace.runtime.module import build, initialise
from recspace.runtime.registry import promises
from recspace.runtime.sampling import meaning

from .agreement import (
    Pair,
    derived_agrees,
    fill,
    float64,
    model_of,
    random_architecture,
    random_weights,
    relaxed_agrees,
    shipped,
    tensors_of,
)
from .test_agreement import IDS, MIXED
from .test_ranking import SCHEMA, Ranked

LOGLOSS = "\nminimize logloss\n"
BODIES = {
    "of one field": "choose keep[v in values(user), f in fields] from {off, on}\n"
    "predict sigmoid(sum(keep[value(user), f] * weight(f) for f in fields))",
    "each field's own": "choose keep[f in categorical, v in values(f)] from {off, on}\n"
    "predict sigmoid(linear(concat(keep[f, value(f)] * embed(f, 2) for f in categorical), 1))",
    "pairs, in either order": "choose keep[i < j in fields, v in values(item)] from {off, on}\nlet e[f in fields] = embed(f, 2)\n"
    "predict sigmoid(sum(keep[j, i, value(item)] * dot(e[i], e[j]) for i < j in fields))",
    "with arithmetic, twice": "choose keep[v in values(item)] from {off, on}\n"
    "predict sigmoid((1 - keep[value(item)]) * weight(user) + 2 * keep[value(item)] * keep[value(item)])",
    "vectors": "choose keep[f in categorical, v in values(f), k in 1..3] from {off, on}\n"
    "predict sigmoid(linear(concat(keep[f, value(f), :] * embed(f, 3) for f in categorical), 1))",
    "vectors along an axis before": "choose keep[k in 1..3, v in values(item)] from {off, on}\n"
    "predict sigmoid(linear(keep[:, value(item)] * embed(item, 3) + keep[:, value(item)], 1))",
    "beside other gates": "choose keep[v in values(item)] from {off, on}\nchoose use[f in fields] from {off, on} prior 0.3\n"
    "predict sigmoid(sum(use[f] * keep[value(item)] * weight(f) for f in fields))",
}
GROUPED = "choose group[v in values(user)] from 1..3\n"
NUMBERS = {
    "a group of each user": f"{GROUPED}choose keep[g in 1..3, f in fields] from {{off, on}}\n"
    "predict sigmoid(sum(keep[group[value(user)], f] * weight(f) for f in fields))",
    "pairs of each group": f"{GROUPED}choose keep[g in 0..4, i < j in fields] from {{off, on}}\nlet e[f in fields] = embed(f, 2)\n"
    "predict sigmoid(sum(keep[group[value(user)], i, j] * dot(e[i], e[j]) for i < j in fields))",
    "groups of two fields": "choose a[v in values(user)] from 1..2\nchoose b[v in values(item)] from {2, 1}\n"
    "choose keep[i in 1..2, j in 1..2] from {off, on}\npredict sigmoid(keep[a[value(user)], b[value(item)]] * weight(item))",
    "each field's own": "choose n[f in {user, item}, v in values(f)] from {3, 1}\n"
    "predict sigmoid(sum(n[f, value(f)] * weight(f) for f in {user, item}))",
    "a number, twice": "choose n[v in values(item)] from {0.2, 0.5}\npredict sigmoid(n[value(item)] * weight(item) + exp(n[value(item)]))",
    "compared": "choose n[v in values(item)] from {2, 5}\n"
    "predict sigmoid(sum(weight(f) for f in fields if n[value(item)] == 2) + sum(d * weight(user) for d in {2, 5} if n[value(item)] >= d))",
    "a place in a list": f"{GROUPED}predict sigmoid([0.1, 0.5, 0.7][group[value(user)]] * weight(item))",
    "a learned vector": f"{GROUPED}learn w[g in 1..3] : [2]\npredict sigmoid(dot(w[group[value(user)]], embed(item, 2)))",
}
SEVERAL = (
    "choose keep[v in values(tags)] from {off, on}\nlet e[f in fields] = embed(f, 2)\n"
    "predict sigmoid(linear(concat(e[user], e[tags] * keep[value(tags)]), 1))"
)
SEVERAL = {
    "numbers": "choose keep[v in values(tags)] from {off, on}\nlet e[f in fields] = embed(f, 2)\n"
    "predict sigmoid(linear(concat(e[user], e[tags] * keep[value(tags)]), 1))",
    "vectors": "choose keep[f in {user, tags}, v in values(f), k in 1..2] from {off, on}\n"
    "predict sigmoid(linear(concat(embed(f, 2) * keep[f, value(f), :] for f in {user, tags}), 1))",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_generated_code_is_the_oracles(body, seed):
    pair = Pair(program_of(f"space S\n{body}{LOGLOSS}"), IDS, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("body", NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_looked_up_as_the_oracle_does(body, seed):
    pair = Pair(program_of(f"space S\n{body}{LOGLOSS}"), IDS, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


def test_a_value_never_seen_has_the_smallest_number():
    text = "choose n[v in values(item)] from {5, 2, 3}\npredict n[value(item)]\nminimize mse"
    pair = Pair(program_of(f"space S\n{text}"), IDS, {})
    items = {"item": torch.tensor([0, 1, 2, 3])}
    plain = model_of(pair.plain({"n": (0, 2, 1)}))
    assert plain.module(items).tolist() == [2, 5, 3, 2]
    weights = torch.tensor([[0.5, 0.5, 0.0]]).expand(3, 3)
    assert model_of(pair.supernet).module(items, {"n": weights}).tolist() == [2, 3.5, 3.5, 3.5]


def test_a_small_number_for_each_value_takes_a_byte():
    pair = Pair(program_of(f"space S\n{NUMBERS['a group of each user']}{LOGLOSS}"), IDS, {})
    options = random_architecture(pair.supernet.graph.decisions, 5)
    (held,) = [t for t in pair.plain(options).tensors if t.attribute == "group_options"]
    assert (held.attribute, held.settled.dtype, held.settled.tolist()) == (
        "group_options",
        "uint8",
        list(options["group"]),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("body", SEVERAL.values(), ids=SEVERAL)
def test_several_values_are_gated_one_by_one(body, seed):
    pair = Pair(program_of(f"space S\n{body}{LOGLOSS}"), MIXED, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["bpfis", "bpfis_groups"])
def test_the_shipped_spaces(name, seed):
    pair = Ranked(shipped(f"interaction/{name}.space"), SCHEMA, {"width": 3}, count=1)
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


def test_the_shipped_space_for_groups_that_a_field_tells():
    text = (library_path() / "interaction/bpfis.space").read_text().replace("param by = user", "param by = city")
    pair = Ranked(program_of(text), SCHEMA, {"width": 3}, count=1)
    assert {d.per_value for d in pair.supernet.decisions} == {"city"}
    relaxed_agrees(pair, 1)
    derived_agrees(pair, 1)


@pytest.mark.parametrize("name", ["bpfis", "bpfis_groups"])
def test_two_fields_are_ranked_by_a_product_of_two_sides(name):
    plain = schema_of(*SCHEMA.fields[:2], label=Label("none"))
    pair = Ranked(shipped(f"interaction/{name}.space"), plain, {"width": 3}, count=1)
    assert pair.supernet.factored
    assert pair.plain(random_architecture(pair.supernet.graph.decisions, 1)).factored


def test_the_values_are_never_spelled_out():
    many = schema_of(Field("user", "category", 10_000, "user"), *IDS.fields[1:])
    small, large = (Pair(program_of(f"space S\n{BODIES['of one field']}{LOGLOSS}"), s, {}) for s in (IDS, many))
    assert len(small.supernet.source.splitlines()) == len(large.supernet.source.splitlines())
    assert large.supernet.decisions[0].elements == 40_000


def test_what_is_settled_is_a_buffer_of_the_module():
    pair = Pair(program_of(f"space S\n{BODIES['of one field']}{LOGLOSS}"), IDS, {})
    options = random_architecture(pair.supernet.graph.decisions, 5)
    model = build(pair.plain(options), torch.device("cpu"))
    initialise(model, 1)
    held = model.module.state_dict()["keep_options"]
    assert held.dtype == torch.bool
    assert held.tolist() == [o == 1 for o in options["keep"]]
    # What is left out is what the hand-made model has.
    assert model_of(pair.plain({})).tensors["keep_options"].all()


def test_models_that_differ_in_what_is_settled_alone_are_two():
    """A sampler judges what means the same once."""
    pair = Pair(program_of(f"space S\n{BODIES['of one field']}{LOGLOSS}"), IDS, {})
    one, other, again = (pair.plain({"keep": tuple(int(k == n) for k in range(16))}) for n in (1, 2, 1))
    assert one.source == other.source
    assert meaning(one) == meaning(again) != meaning(other)


def test_gates_that_a_model_keeps_as_weights_are_looked_up_too():
    pair = Pair(program_of(f"space S\n{BODIES['of one field']}{LOGLOSS}"), IDS, {})
    supernet, weights = pair.supernet, Drawn(3)
    choices, odds = random_weights(supernet.decisions, 3)
    batch = pair.batch(supernet, 3)
    expected = pair.oracle(weights).relaxed(odds, batch)
    with float64(), torch.no_grad():
        plain = model_of(pair.models.plain({}, frozenset({"keep"})))
        fill(plain, weights)
        plain.tensors["keep_weights"].copy_(choices["keep"])
        found = plain.module(tensors_of(batch))
        ones = plain.module(tensors_of(batch), {"keep": torch.ones(16)})
    assert torch.allclose(found, torch.as_tensor(expected))
    assert not torch.allclose(found, ones)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (
            "choose n[v in values(item)] from 1..20000\npredict sigmoid(n[value(item)] * weight(item))",
            "choose n[v in values(item)] from 1..20000",
        ),
        (
            "choose n[v in values(item)] from {1, 2}\npredict sigmoid(linear(concat(n[value(item)], embed(item, 2)), 1))",
            "concat(n[value(item)], embed(item, 2))",
        ),
        (
            "choose n[v in values(item)] from {1, 2} given embed(item, 2)\npredict sigmoid(n[value(item)] * weight(item))",
            "choose n[v in values(item)] from {1, 2} given embed(item, 2)",
        ),
        (
            "choose keep[v in values(item)] from {off, on}\nlet g[v in values(item)] = 2 * keep[v]\n"
            "predict sigmoid(g[value(item)] * weight(item))",
            "g[value(item)]",
        ),
        (
            "choose keep[v in values(item)] from {off, on}\npredict sigmoid(sum(keep[v] for v in values(item)) * weight(item))",
            "sum(keep[v] for v in values(item))",
        ),
        (
            "choose keep[v in values(item)] from {off, on}\npredict sigmoid(keep[value(item)] * weight(item) + l0(keep))",
            "l0(keep)",
        ),
        (
            "choose keep[v in values(item)] from {off, on} given embed(item, 1)\n"
            "predict sigmoid(keep[value(item)] * weight(item))",
            "choose keep[v in values(item)] from {off, on} given embed(item, 1)",
        ),
        (
            "choose keep[u in values(user), v in values(item)] from {off, on}\n"
            "predict sigmoid(keep[value(user), value(item)] * weight(item))",
            "choose keep[u in values(user), v in values(item)] from {off, on}",
        ),
        (
            "choose keep[v in values(item)] from {off, on}\npredict sigmoid(weight(item) if keep[value(item)] else 0)",
            "weight(item) if keep[value(item)] else 0",
        ),
    ],
)
def test_what_has_no_form_is_refused(body, place):
    pair = Pair(program_of(f"space S\n{body}{LOGLOSS}"), IDS, {})
    with pytest.raises(SpaceError) as refused:
        _ = pair.supernet
    assert [(d.code, d.span.text) for d in refused.value.diagnostics] == [("S0630", place)]


def test_several_values_have_no_number_each():
    text = "space S\nchoose n[v in values(tags)] from {1, 2}\npredict sigmoid(sum(n[value(tags)]))"
    with pytest.raises(SpaceError, match=r"S0630.*a field that may have several"):
        _ = Pair(program_of(text + LOGLOSS), MIXED, {}).supernet


def test_a_group_that_a_family_does_not_have_is_reported():
    text = f"space S\n{GROUPED}choose keep[g in 1..2] from {{off, on}}\npredict sigmoid(keep[group[value(user)]] * weight(item))"
    found = check(program_of(text + LOGLOSS), IDS, promises()).diagnostics
    assert [(d.code, d.span.text) for d in found if d.severity == "error"] == [("S0203", "keep[group[value(user)]]")]


def test_a_family_is_looked_up_by_the_values_of_its_own_field():
    text = "space S\nchoose keep[v in values(item)] from {off, on}\npredict sigmoid(keep[value(user)] * weight(item))"
    found = check(program_of(text + LOGLOSS), IDS, promises()).diagnostics
    assert [(d.code, d.span.text) for d in found if d.severity == "error"] == [("S0203", "keep[value(user)]")]


BLOCKS = {
    "vectors": "choose keep[s in 1..3, k in 1..2] from {off, on}\nlet e[f in {user, tags, item}] = embed(f, 2) * keep[block(f, 3, over = all), :]\n"
    "predict sigmoid(linear(concat(e[f] for f in {user, tags, item}), 1))",
    "within the field": "choose keep[s in 1..2] from {off, on}\nlet e[f in {user, tags}] = embed(f, 2) * keep[block(f, 2)]\n"
    "predict sigmoid(linear(concat(e[f] for f in {user, tags}), 1))",
    "of each field": "choose keep[f in {user, item}, s in 1..2, k in 1..2] from {off, on}\n"
    "predict sigmoid(linear(concat(keep[f, block(f, 2), :] * embed(f, 2) for f in {user, item}), 1))",
    "of one": "choose keep[s in 1..2] from {off, on}\npredict sigmoid(keep[block(item, 2)] * weight(item) + block(user, 3) * bias())",
    "choices of one": "choose w[s in 1..2] from {0.5, 2, 3}\npredict sigmoid(w[block(item, 2)] * weight(item))",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("body", BLOCKS.values(), ids=BLOCKS)
def test_what_is_looked_up_by_frequency_block_is_the_oracles(body, seed):
    pair = Pair(program_of(f"space S\n{body}{LOGLOSS}"), MIXED, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)

"""Gates that come of what they multiply: PEP's thresholds, group lasso, and a budget that is met exactly."""

from importlib import import_module

import numpy as np
import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.compiler.budgets import limits, meets
from recspace.compiler.compile import models
from recspace.compiler.decisions import opened
from recspace.compiler.schema import Field
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.budget import Budget, largest
from recspace.runtime.cells import Cells, grouped
from recspace.runtime.choices import Fixed
from recspace.runtime.gating import Gating, check
from recspace.runtime.module import build, initialise
from recspace.runtime.options import check as checked
from recspace.runtime.recipe import StageCall
from recspace.runtime.refuse import words
from recspace.runtime.registry import promises

CPU = torch.device("cpu")
SCHEMA = schema_of(Field("user", "category", 5, "user"), Field("item", "category", 3, "item"))
PEP = (
    "space S\nchoose keep[f in fields, v in values(f), k in 1..2] from {off, on}\n"
    "let e[f in fields] = embed(f, 2) * keep[f, value(f), :]\n"
    "predict sigmoid(dot(e[user], e[item]) + bias())\nminimize logloss\n"
)
SFM = (
    "space S\nchoose keep[f in fields, v in values(f)] from {off, on}\n"
    "let e[f in fields] = embed(f, 2) * keep[f, value(f)]\n"
    "predict sigmoid(dot(e[user], e[item]) + sum(keep[f, value(f)] * weight(f) for f in fields))\nminimize logloss\n"
)


def made(text, schema=SCHEMA):
    found = models(program_of(text), schema, promises())
    model = build(found.supernet, CPU)
    initialise(model, 3)
    return found, model


def call_of(name, **given):
    options, faults = checked({"as": name, **given}, promises().relaxations[name], words("t", name), {})
    assert [f for f in faults if "as" not in f.message] == []
    return StageCall("relax", {**options, "as": name, "weights": None}, words("t", name))


def gating(name, text=PEP, fixes=None, **given):
    found, model = made(text)
    relaxation = import_module(f"recspace.runtime.relaxations.{name}")
    decisions = found.graph.decisions
    return model, Gating(decisions, relaxation, call_of(name, **given), model, Fixed(decisions, fixes or {}), 0.1)


def batch_of(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "user": torch.from_numpy(rng.integers(0, 6, rows)), "item": torch.from_numpy(rng.integers(0, 4, rows)),
        ":label": torch.from_numpy(rng.integers(0, 2, rows)).float(),
    }  # fmt: skip


def by_hand(model, s, group):
    """PEP, equation 6, value by value: sign(E) · ReLU(|E| − σ(s)); the unknown value's rows are 0."""
    (table,) = (t for t in model.compiled.tensors if t.embedding)
    whole = model.tensors[table.attribute].detach().clone().double().requires_grad_()
    s = s.detach().clone().double().requires_grad_()
    vectors = {}
    for part in table.slices:
        (field,), (begin, end) = part.key, part.box[0]
        for v in range(end - begin):
            own = [torch.zeros((), dtype=torch.double)] * 2
            if v:
                at = [s[group(field, v, k)].sigmoid() for k in (1, 2)]
                own = [whole[begin + v, k].sign() * torch.relu(whole[begin + v, k].abs() - at[k]) for k in range(2)]
            vectors[field, v] = torch.stack(own)
    return whole, s, vectors


GROUPS = {
    "global": lambda f, v, k: 0,
    "field": lambda f, v, k: ["user", "item"].index(f),
    "value": lambda f, v, k: (v - 1) + (5 if f == "item" else 0),
    "dimension": lambda f, v, k: k - 1,
    "both": lambda f, v, k: (k - 1) * 5 + v - 1 if f == "user" else 10 + (k - 1) * 3 + v - 1,
}


@pytest.mark.parametrize("granularity", GROUPS)
def test_thresholds_do_what_equation_6_says_gradients_too(granularity):
    model, choosing = gating("soft_threshold", granularity=granularity, initial=-1.0)
    with torch.no_grad():
        for tensor in (model.parameters[n] for n in model.embeddings):
            tensor.normal_(0, 0.6, generator=torch.Generator().manual_seed(1))
        own = choosing.parameters["keep"]
        own += torch.randn(own.shape, generator=torch.Generator().manual_seed(2))
    batch = batch_of()
    prediction, (loss,) = model.objective(batch, choosing.training(0), {})
    (name,) = model.embeddings
    table_gradient, s_gradient = torch.autograd.grad(loss, [model.parameters[name], own])
    whole, s, vectors = by_hand(model, own, GROUPS[granularity])
    bias = next(t for n, t in model.tensors.items() if "bias" in n).detach().double()
    logits = torch.stack(
        [
            vectors["user", int(u)] @ vectors["item", int(i)] + bias.squeeze()
            for u, i in zip(batch["user"], batch["item"], strict=True)
        ]
    )
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch[":label"].double())
    torch.testing.assert_close(prediction.double(), logits.sigmoid(), atol=1e-6, rtol=0)
    expected_table, expected_s = torch.autograd.grad(expected, [whole, s])
    torch.testing.assert_close(table_gradient.double(), expected_table, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(s_gradient.double(), expected_s, atol=1e-6, rtol=1e-4)
    assert len(own) == {"global": 1, "field": 2, "value": 8, "dimension": 2, "both": 16}[granularity]


def test_a_gate_is_open_where_its_number_is_above_the_threshold():
    model, choosing = gating("soft_threshold", granularity="both", initial=-2.0, fixes={"keep": {0: 1, 1: 0}})
    (name,) = model.embeddings
    with torch.no_grad():
        model.parameters[name].fill_(0.05)  # below σ(−2) = 0.119
        model.parameters[name][1] = 0.5  # the first value of user
    opened = choosing.opened()["keep"].tolist()
    # Elements 0…4 are of user and k = 1, 5…9 of k = 2; the first is fixed on, the second off.
    assert [k for k, o in enumerate(opened) if o] == [0, 5]
    assert choosing.settled()["keep"].tolist()[:2] == [1.0, 0.0]
    margin = choosing.margins()["keep"]
    torch.testing.assert_close(margin[5], torch.tensor(0.5) - torch.tensor(-2.0).sigmoid())
    before = (margin.argsort(), choosing.opened()["keep"].sum())
    choosing.lift(0.1)
    torch.testing.assert_close(choosing.margins()["keep"], margin - 0.1)
    assert before[1] == choosing.opened()["keep"].sum()
    choosing.lift(0.4)
    assert choosing.opened()["keep"].sum() == 1  # what is fixed


def test_group_lasso_adds_the_norms_of_what_each_gate_gates():
    model, choosing = gating("group_lasso", SFM, strength=0.5)
    assert not choosing.parameters
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for n in model.embeddings:
            model.parameters[n].normal_(0, 0.5, generator=generator)
    embed = next(t for t in model.compiled.tensors if t.embedding and t.shape[1] == 2)
    weight = next(t for t in model.compiled.tensors if t.embedding and t.shape[1] == 1)
    norms = []
    for part, other in zip(embed.slices, weight.slices, strict=True):
        assert part.key == other.key
        for v in range(1, part.box[0][1] - part.box[0][0]):  # the rows of the unknown value belong to no gate
            row, number = (
                model.tensors[embed.attribute][part.box[0][0] + v],
                model.tensors[weight.attribute][other.box[0][0] + v],
            )
            norms.append(torch.cat([row, number]).norm())
    expected = 0.5 * 3**0.5 * torch.stack(norms).sum()
    torch.testing.assert_close(choosing.penalty(), expected)
    torch.testing.assert_close(*(torch.autograd.grad(x, model.parameters[embed.attribute], retain_graph=True)[0]
                                 for x in (choosing.penalty(), expected)))  # fmt: skip
    # What is within two steps (of 0.1) of zero is zero.
    margin = torch.stack(norms).detach() - 2 * 0.1 * 3**0.5
    torch.testing.assert_close(choosing.margins()["keep"], margin)
    assert 0 < int(choosing.opened()["keep"].sum()) < 8
    assert choosing.settled()["keep"].tolist() == [1.0] * 8
    with torch.no_grad():
        model.parameters[embed.attribute].zero_()
        model.parameters[weight.attribute].zero_()
    (gradient,) = torch.autograd.grad(choosing.penalty(), model.parameters[embed.attribute])
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        (SFM, "soft_threshold", "a gate multiplies 3 numbers"),
        (PEP.replace("bias()", "linear(embed(user, 2), 1)"), "soft_threshold", None),
        (PEP.replace("let e[f in fields] = embed(f, 2) * keep", "let r[f in fields] = embed(f, 2)\nlet e[f in fields] = r[f] * keep")
         .replace("bias()", "dot(r[user], r[item])"), "soft_threshold", "multiply no table"),
        (PEP.replace("[f in fields, v in values(f), k in 1..2]", "[f in fields, k in 1..2]")
         .replace("keep[f, value(f), :]", "keep[f, :]"), "group_lasso", "multiply no table"),
    ],
)  # fmt: skip
def test_gates_of_no_table_are_refused(text, name, why):
    found, _ = made(text)
    if why is None:
        check(found.supernet, found.graph.decisions, call_of(name))
        return
    with pytest.raises(SpaceError, match="S0605") as refused:
        check(found.supernet, found.graph.decisions, call_of(name))
    assert why in refused.value.diagnostics[0].message


# -- budgets ---------------------------------------------------------------------------------------------------


def naive(scores, counts, most):
    """The best so many, one by one."""
    kept, used = set(), 0
    for element in sorted(range(len(scores)), key=lambda e: (-scores[e], e)):
        if used + counts[element] > most:
            break
        kept.add(element)
        used += counts[element]
    return kept


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 3)), min_size=1, max_size=12), st.integers(0, 20))
@settings(deadline=None)
def test_the_largest_are_taken_up_to_the_budget(pairs, most):
    scores, counts = (list(part) for part in zip(*pairs, strict=True))
    found = largest(torch.tensor(scores, dtype=torch.float), torch.tensor(counts), most)
    assert {k for k, o in enumerate(found.tolist()) if o} == naive(scores, counts, most)


REQUIRE = [
    ("parameters(e) <= 25%", 4), ("parameters(e) < 25%", 3), ("parameters(e) <= 7", 7), ("10 >= parameters(e)", 10),
    ("10 > parameters(e)", 9), ("parameters(e) <= 33%", 5), ("parameters() <= 11", 10),
]  # fmt: skip


@pytest.mark.parametrize(("require", "kept"), REQUIRE)
def test_a_required_share_is_met_exactly(require, kept):
    found, model = made(f"{PEP}require {require}\n")
    schema, graph = SCHEMA, found.graph
    own = limits(graph, schema, promises(), {"keep": b"\1" * 16})
    cells = {"keep": Cells(model.compiled, graph.decisions[0], CPU)}
    budget = Budget(own, tuple({"keep": cells["keep"].counts(limit.places)} for limit in own))
    scores = torch.randn(16, generator=torch.Generator().manual_seed(9)) - 3  # all below what shuts them
    chosen = budget.chosen({"keep": scores})["keep"]
    assert int(chosen.sum()) == kept
    assert set(chosen.nonzero().flatten().tolist()) == set(scores.topk(kept).indices.tolist())
    assert budget.met({"keep": chosen})
    assert meets(graph, schema, promises(), {"keep": bytes(chosen.tolist())})
    more = chosen.clone()
    more[int((~chosen).nonzero()[0])] = True
    assert not budget.met({"keep": more})
    assert not meets(graph, schema, promises(), {"keep": bytes(more.tolist())})


def test_thresholds_rise_so_that_no_more_is_open_than_the_share_of_steps_allows():
    found, _ = made(f"{PEP}require parameters(e) <= 25%\n")
    own = limits(found.graph, SCHEMA, promises(), {"keep": b"\1" * 16})
    budget = Budget(own, ({"keep": torch.ones(16, dtype=torch.long)},))
    margins = {"keep": torch.arange(1.0, 17.0)}
    assert budget.lift(margins, 0.0) == 0.0
    assert budget.lift(margins, 1.0) == 12.0  # the four largest, 13 … 16, stay above 0
    assert budget.lift(margins, 0.5) == 16 - (4 + int(12 * 0.125))
    assert budget.lift({"keep": torch.arange(-11.0, 5.0)}, 1.0) == 0.0


def test_bytes_are_the_options_of_gates_of_values():
    found, _ = made(PEP)
    (decision,) = found.graph.decisions
    assert decision.hand_made == b"\1" * 16
    assert opened(b"\1\0\1").tolist() == [True, False, True] == opened((1, 0, 1)).tolist()
    groups = {g: grouped(decision, g)[1] for g in GROUPS}
    assert groups == {"global": 1, "field": 2, "value": 8, "dimension": 2, "both": 16}

"""Groups of users that are learned: choices under variational inference, from their posterior to the derived model."""

import polars as pl
import pytest
import torch
from generate import program_of, schema_of
from interrupted import essence, interruptions
from outcomes import elements, user_ids
from safetensors.torch import load_file
from torch.distributions import Categorical, kl_divergence

from recspace import compile as compile_
from recspace.compiler.compile import check
from recspace.compiler.schema import Field
from recspace.running import inputs_of
from recspace.runtime.choices import Fixed, tensors_of
from recspace.runtime.posterior import Posterior, categorical_kl, relaxed_categorical
from recspace.runtime.progress import Silent
from recspace.runtime.registry import promises
from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings

USERS, ROWS = 60, 6000
KINDS = """data planted {{
  source: "{table}"
  label: label
  user: category(role = user)
  a: category() b: category() c: category() d: category()
  split: random(0.7, 0.15, 0.15, seed = 1)
}}
space Kinds
param G = 2
let known = {{a, b, c, d}}
choose group[u in values(user)] from 1..G
choose keep[g in 1..G, i < j in known] from {{off, on}} prior 0.5
let e[f in known] = embed(f, 4)
predict sigmoid(bias() + sum(keep[group[value(user)], i, j] * dot(e[i], e[j]) for i < j in known))
minimize logloss
search {{
  warmup(epochs = 10, batch_size = 200, optimizer = adam(lr = 0.02))
  variational(weights = [], epochs = 20, selection_epochs = 20, start = 0.5, batch_size = 200,
    optimizer = adam(lr = 0.01), selections = adam(lr = 0.1))
  derive(threshold = 0.5)
}}
"""
SHORT = (
    "warmup(epochs = 1, batch_size = 400) variational(weights = [], epochs = 2, selection_epochs = 2, batch_size = 400)"
)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """Every other user goes by whether a and b are alike, the others by c and d."""
    folder = tmp_path_factory.mktemp("kinds")
    generator = torch.Generator().manual_seed(1)
    user = torch.randint(0, USERS, (ROWS,), generator=generator)
    values = torch.randint(0, 3, (4, ROWS), generator=generator)
    alike = torch.where(values[0::2] == values[1::2], 4.0, -2.0)
    label = torch.rand(ROWS, generator=generator) < torch.where(user % 2 == 0, alike[0], alike[1]).sigmoid()
    columns = {n: [f"{n}{v}" for v in own.tolist()] for n, own in zip("abcd", values, strict=True)}
    columns |= {"user": [f"u{u}" for u in user.tolist()], "label": label.int().tolist()}
    pl.DataFrame(columns).write_parquet(folder / "t.parquet")
    (folder / "kinds.space").write_text(KINDS.format(table=folder / "t.parquet"))
    return compile_(folder / "kinds.space")


def values(folder, name):
    return {key: element["value"] for key, element in elements(folder, name).items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_two_kinds_of_users_become_two_groups(space, tmp_path, seed):
    """All of a kind are in one group; its gates hold the pair that the kind goes by, and shut that of the other."""
    report = search(inputs_of(space), Settings(seed=seed), tmp_path / "run").report
    group, of_user = values(tmp_path / "run", "group"), user_ids(space)
    even, odd = ({group[of_user[u],] for u in range(first, USERS, 2)} for first in (0, 1))
    assert (len(even), len(odd)) == (1, 1)
    assert even != odd
    keep = values(tmp_path / "run", "keep")
    for (g,), own, other in ((tuple(even), ("a", "b"), ("c", "d")), (tuple(odd), ("c", "d"), ("a", "b"))):
        assert (keep[g, *own], keep[g, *other]) == ("on", "off")
    (stage,) = [s for s in report["stages"] if s["stage"] == "1.variational"]
    assert stage["chosen"] == {"group": [30, 30]}
    assert set(stage["chance_on"]) == {"keep"}
    assert report["searched"]["test"]["auc"] > report["hand_made"]["test"]["auc"] + 0.05


def test_a_derived_model_holds_a_byte_for_each_user(space, tmp_path):
    search(inputs_of(space, SHORT), Settings(seed=1), tmp_path / "run")
    stored = load_file(tmp_path / "run" / "model.safetensors")
    group = values(tmp_path / "run", "group")
    assert stored["group_options"].dtype == torch.uint8
    assert stored["group_options"].tolist() == [group[u + 1,] - 1 for u in range(USERS)]
    assert "keep" not in "".join(stored)


def test_a_group_that_is_fixed_stays(space, tmp_path):
    search(inputs_of(space, SHORT), Settings(seed=1, fix=("group[3]=2", "group[4]=1")), tmp_path / "run")
    group = values(tmp_path / "run", "group")
    assert (group[3,], group[4,]) == (2, 1)


def test_a_run_that_is_cut_off_ends_with_the_same_bits(space, tmp_path):
    search(inputs_of(space, SHORT), Settings(seed=3), tmp_path / "straight", Silent())
    folder, settings = tmp_path / "run", Settings(seed=3, checkpoint_steps=5)
    start = lambda stop: search(inputs_of(space, SHORT), settings, folder, stop)  # noqa: E731
    assert interruptions(start, lambda stop: resume(folder, lambda *_: inputs_of(space, SHORT), stop), 8) > 3
    assert essence(folder) == essence(tmp_path / "straight")


# -- the posterior -------------------------------------------------------------------------------------------------


def test_the_divergence_is_that_of_categorical_distributions():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    expected = kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros(5, 4)))
    torch.testing.assert_close(categorical_kl(logits, torch.full((5,), 4.0)), expected)
    fewer = torch.cat([logits, torch.full((5, 2), -torch.inf)], -1).requires_grad_()
    found = categorical_kl(fewer, torch.full((5,), 4.0))
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.sum(), fewer)
    assert gradient.isfinite().all()


def test_draws_are_as_likely_as_their_logits_say():
    logits = torch.tensor([1.0, 0.0, -1.0, -torch.inf]).expand(40_000, 4).clone().requires_grad_()
    uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(2))
    drawn = relaxed_categorical(logits, uniform, 0.5)
    assert set(drawn.detach().unique().tolist()) == {0.0, 1.0}
    assert (drawn.detach().sum(-1) == 1).all()
    torch.testing.assert_close(drawn.detach().mean(0), logits[0].detach().softmax(-1), atol=0.01, rtol=0)
    (gradient,) = torch.autograd.grad(drawn[:, 0].sum(), logits)
    assert (gradient[:, 0] >= 0).all()
    assert (gradient[:, 0] > 0).any()
    assert gradient.isfinite().all()


def posterior(text, fixes=None):
    schema = schema_of(Field("user", "category", 5, "user"), Field("item", "category", 3, "item"))
    graph = check(program_of(f"space S\n{text}\nminimize logloss"), schema, promises()).graph
    fixed = Fixed(graph.decisions, fixes or {})
    return Posterior(graph, graph.decisions, fixed, 0.5, 0.5, 1, "s", torch.device("cpu"))


OF_USERS = "choose group[u in values(user)] from 1..3\npredict sigmoid(group[value(user)] * weight(item))"


def test_what_is_fixed_has_no_divergence_and_no_chance():
    free, held = posterior(OF_USERS), posterior(OF_USERS, {"group": {0: 2, 4: 0}})
    (logits,) = free.parameters.values()
    expected = kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros(5, 3)))
    torch.testing.assert_close(free.draw(3, 0)[1], expected.sum())
    choices, divergence = held.draw(3, 0)
    torch.testing.assert_close(divergence, expected[1:4].sum())
    for found in (choices["group"], held.settled()["group"], held.chances()["group"]):
        assert found[0].tolist() == [0, 0, 1]
        assert found[4].tolist() == [1, 0, 0]
    torch.testing.assert_close(held.chances()["group"][1:4], logits[1:4].softmax(-1))


def test_the_likeliest_is_what_settles():
    found = posterior(OF_USERS)
    with torch.no_grad():
        found.parameters["group"].copy_(torch.eye(3)[[2, 0, 1, 1, 2]])
    assert found.settled()["group"].argmax(-1).tolist() == [2, 0, 1, 1, 2]
    assert not torch.equal(found.training(1)["group"], found.training(2)["group"])


def test_an_option_that_an_element_lacks_is_never_drawn():
    found = posterior("choose n[k in 1..3] from 1..k\npredict sigmoid(sum(n[k] for k in 1..3) * weight(item))")
    for step in range(50):
        drawn = tensors_of(found.training(step))["n"]
        assert (drawn[0, 1:] == 0).all()
        assert drawn[1, 2] == 0
    assert found.chances()["n"][0].tolist() == [1, 0, 0]

"""variational(…): weights and gates inferred in turn, from a table to the derived model."""

import json

import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from outcomes import elements, user_ids
from safetensors.torch import load_file

from recspace import compile as compile_
from recspace.dsl import SpaceError
from recspace.running import inputs_of
from recspace.runtime.posterior import Normal as Scales
from recspace.runtime.posterior import Posterior
from recspace.runtime.progress import Silent
from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings
from recspace.runtime.variational_stage import in_turn

USERS, ITEMS = 40, 12
TASTES = """data planted {{
  source: "{table}"
  label: label
  user: category(role = user)
  item: category(role = item)
  split: random(0.7, 0.15, 0.15, seed = 1)
}}
space Tastes
param p2 = 0.5
choose first[u in values(user), f in fields] from {{off, on}} prior 0.5
choose second[u in values(user), i < j in fields] from {{off, on}}
  prior first[u, i] * first[u, j] + p2 * (first[u, i] + first[u, j] - 2 * first[u, i] * first[u, j])
let e[f in fields] = embed(f, 2)
learn w[i < j in fields] = 1
predict sigmoid(sum(first[value(user), f] * weight(f) for f in fields)
              + sum(second[value(user), i, j] * w[i, j] * dot(e[i], e[j]) for i < j in fields))
minimize logloss
search {{ variational(weights = [w], epochs = 3, selection_epochs = 2, batch_size = 200, samples = 2) derive(threshold = 0.5) }}
"""
DONE = "derive(threshold = 0.5)"


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """Three quarters of the users like items by their common quality, the others dislike them for it."""
    folder = tmp_path_factory.mktemp("tastes")
    generator = torch.Generator().manual_seed(1)
    user = torch.randint(0, USERS, (4000,), generator=generator)
    item = torch.randint(0, ITEMS, (4000,), generator=generator)
    quality = torch.linspace(-3, 3, ITEMS)[item]
    follows = torch.where(user % 4 == 0, -1.0, 1.0)
    label = torch.rand(4000, generator=generator) < (follows * quality).sigmoid()
    columns = {
        "user": [f"u{u}" for u in user.tolist()],
        "item": [f"i{i}" for i in item.tolist()],
        "label": label.int().tolist(),
    }
    pl.DataFrame(columns).write_parquet(folder / "t.parquet")
    (folder / "tastes.space").write_text(TASTES.format(table=folder / "t.parquet"))
    return compile_(folder / "tastes.space")


def ran(space, folder, strategy="", **given):
    return search(inputs_of(space, strategy), Settings(**{"seed": 3, **given}), folder).report


def forced(folder):
    """Pairs that have no choice, and what they are; and what they have to be."""
    first, second = elements(folder, "first"), elements(folder, "second")
    for (u, i, j), found in second.items():
        parents = {first[u, i]["value"], first[u, j]["value"]}
        if len(parents) == 1:
            yield found["value"], parents.pop()


def test_the_derived_model_keeps_heredity(space, tmp_path):
    report = ran(space, tmp_path / "run", "variational(weights = [w], epochs = 2, selection_epochs = 2, start = 0.5,"
                 f" selections = adam(lr = 0.3), batch_size = 200) {DONE} retrain(epochs = 1)")  # fmt: skip
    found = list(forced(tmp_path / "run"))
    assert {value for value, _ in found} == {"on", "off"}
    assert all(value == parent for value, parent in found)
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.variational", "1.derive", "2.retrain"]


def test_derive_is_put_in_where_nothing_settles(space, tmp_path):
    strategy = "variational(weights = [w], epochs = 1, selection_epochs = 1)"
    report = ran(space, tmp_path / "run", strategy)
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.variational", "1.derive"]


def test_users_whom_a_common_effect_misleads_lose_it(space, tmp_path):
    """A quarter of the users are the other way round: what most like is wrong for them, and their gates shut."""
    ran(space, tmp_path / "run", "variational(weights = [], epochs = 20, selection_epochs = 20, batch_size = 200,"
        f" optimizer = adam(lr = 0.05), selections = adam(lr = 0.1)) {DONE}", fix=("second[*,user,item]=off",))  # fmt: skip
    numbers = sorted({f"u{u}" for u in range(USERS)})
    assert len(numbers) == USERS
    likely = elements(tmp_path / "run", "first")
    of_user = user_ids(space)
    wrong = [k for k in range(USERS) if (likely[of_user[k], "item"]["value"] == "on") == (k % 4 == 0)]
    assert len(wrong) <= 3, wrong


def test_a_run_that_is_cut_off_ends_with_the_same_bits(space, tmp_path):
    search(inputs_of(space), Settings(seed=3), tmp_path / "straight", Silent())
    folder, settings = tmp_path / "run", Settings(seed=3, checkpoint_steps=5)
    start = lambda stop: search(inputs_of(space), settings, folder, stop)  # noqa: E731
    assert interruptions(start, lambda stop: resume(folder, lambda *_: inputs_of(space), stop), 8) > 5
    assert essence(folder) == essence(tmp_path / "straight")


def test_the_seed_is_all_that_a_run_depends_on(space, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ran(space, tmp_path / name, seed=seed)
    a, b, c = (essence(tmp_path / name)[0]["supernet.safetensors"] for name in "abc")
    assert a == b != c


BASE = {"weights": "[w]", "epochs": 2, "selection_epochs": 2, "batch_size": 400}


@pytest.fixture(scope="module")
def plain(space, tmp_path_factory):
    return essence_of(space, tmp_path_factory.mktemp("plain") / "run")


def essence_of(space, folder, **changed):
    options = ", ".join(f"{k} = {v}" for k, v in {**BASE, **changed}.items())
    ran(space, folder, f"variational({options}) {DONE}")
    return essence(folder)[0]["architecture.json"]


@pytest.mark.parametrize(
    "option",
    [
        {"weights": "[]"}, {"samples": 2}, {"epochs": 3}, {"selection_epochs": 1}, {"selections": "adam(lr = 0.05)"},
        {"start": 0.6}, {"temperature": 0.9}, {"scale": 0.5}, {"kl": 0.0}, {"batch_size": 300},
        {"optimizer": "adam(lr = 0.01)"}, {"decay": "linear"}, {"clip": 0.001},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_is_honoured(space, plain, tmp_path, option):
    assert essence_of(space, tmp_path / "run", **option) != plain


def test_epochs_given_from_outside_keep_their_proportion(space, tmp_path):
    report = ran(
        space, tmp_path / "run", f"variational(weights = [w], epochs = 8, selection_epochs = 4) {DONE}", epochs=4
    )
    (stage,) = [s for s in report["stages"] if s["stage"] == "0.variational"]
    assert stage["epochs"] == 6


@pytest.mark.parametrize(("weights", "selections"), [(20, 5), (3, 2), (1, 4), (7, 7), (5, 1)])
def test_epochs_are_taken_in_turn(weights, selections):
    turns = in_turn(weights, selections)
    assert (turns.count(False), turns.count(True)) == (weights, selections)
    assert not turns[0]
    assert turns[-1]
    for k in range(len(turns)):  # at no time is one of them far ahead
        done = turns[: k + 1]
        assert abs(done.count(True) * weights - done.count(False) * selections) <= weights + selections


def test_a_draw_of_weights_leaves_no_trace():
    mean = torch.nn.Parameter(torch.randn(5, generator=torch.Generator().manual_seed(1)))
    scales, kept = Scales({"w": mean}, 0.1, 1, "stage"), mean.detach().clone()
    noise = scales.noise(2, 0)
    before = scales.move(noise)
    assert torch.allclose(mean, kept + 0.1 * noise["w"])
    assert not torch.equal(mean, kept)
    scales.put_back(before)
    assert torch.equal(mean, kept)


def test_gradients_of_scales_are_those_of_the_reparameterised_draw():
    mean = torch.nn.Parameter(torch.linspace(-1, 1, 5))
    scales = Scales({"w": mean}, 0.3, 1, "stage")
    noise = scales.noise(0, 0)
    own = scales.parameters["scale:w"]
    draw = mean + own.exp() * noise["w"]
    by_mean, expected = torch.autograd.grad((draw**3).sum(), [mean, own])
    assert torch.allclose(scales.of_scales({"w": by_mean}, noise)["scale:w"], expected)


@pytest.mark.parametrize(
    ("strategy", "code"),
    [
        ("variational(weights = [nothing])", "S0607"),
        ("variational()", "S0604"),
        ("variational(weights = [w], samples = 0)", "S0603"),
        ("warmup(decisions = random) variational(weights = [w])", "S0606"),
        ("random(trials = 2) retrain()", "S0606"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_trained(space, tmp_path, strategy, code):
    with pytest.raises(SpaceError, match=code):
        ran(space, tmp_path / "run", strategy)
    assert not (tmp_path / "run" / "report.json").exists()


def shares(folder):
    report = json.loads((folder / "report.json").read_text())
    (stage,) = [s for s in report["stages"] if s["stage"] == "0.variational"]
    return stage["chance_on"]


def test_a_heavy_divergence_holds_gates_at_their_prior(space, tmp_path):
    how = "weights = [w], epochs = 2, selection_epochs = 10, selections = adam(lr = 0.1), batch_size = 200, start = 0.9"
    ran(space, tmp_path / "run", f"variational({how}, kl = 100000) {DONE}")
    ran(space, tmp_path / "free", f"variational({how}, kl = 0) {DONE}")
    assert shares(tmp_path / "run")["first"] == pytest.approx(0.5, abs=0.02)
    assert shares(tmp_path / "free")["first"] > 0.6


def test_means_move_by_their_optimizer_alone(space, tmp_path):
    """Noise is put where the means are for the time of a step: with a step size of nothing they stay."""
    ran(
        space,
        tmp_path / "run",
        f"variational(weights = [w], epochs = 2, optimizer = sgd(lr = 1e-30), scale = 0.5) {DONE}",
    )
    assert load_file(tmp_path / "run" / "supernet.safetensors")["w"].tolist() == [1.0]


def test_each_sample_is_a_draw_of_its_own(space, tmp_path, monkeypatch):
    asked, draw = [], Posterior.draw

    def noted(self, step, number, *, inferring):
        asked.append((step, number))
        return draw(self, step, number, inferring=inferring)

    monkeypatch.setattr(Posterior, "draw", noted)
    ran(space, tmp_path / "run", f"variational(weights = [w], epochs = 1, selection_epochs = 1, samples = 3) {DONE}")
    assert asked == [(step, number) for step in range(max(asked)[0] + 1) for number in range(3)]

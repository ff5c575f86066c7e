"""ESAPN: a policy enlarges the vectors of users and items while a stream goes on."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.dsl import SpaceError
from recspace.running import inputs_of
from recspace.running import start as begin
from recspace.runtime.enlarging import ladder_of
from recspace.runtime.module import build, initialise
from recspace.runtime.search import Search
from recspace.runtime.settings import Settings

POLICY = (
    "reinforce(moves = [keep, enlarge], state = [frequency, size], policy = [8], start = smallest, inherit = {inherit}, "
    "reward = loss_drop, window = 3, batch_size = 128, optimizer = adam(lr = 0.05), weights = adam(lr = 0.01))"
)
RECIPE = f"stream({POLICY.format(inherit='true')}, new_values = mean)"
BLOCK = (
    'data log {{ source: "{source}" label: rating user: category(role = user) item: category(role = item) time: seen '
    "split: time(seen, 0.8, 0.1, 0.1) }}\n"
)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def block(tmp_path_factory):
    rng = np.random.default_rng(7)
    users, items = rng.zipf(1.3, 2500) % 50, rng.zipf(1.3, 2500) % 30
    taste, kind = rng.normal(size=(50, 4)), rng.normal(size=(30, 4))
    rating = np.clip(np.round(3 + (taste[users] * kind[items]).sum(1)), 1, 5)
    folder = tmp_path_factory.mktemp("data")
    names = {
        "user": [f"u{u}" for u in users],
        "item": [f"i{i}" for i in items],
        "rating": rating,
        "seen": np.arange(2500.0),
    }
    pl.DataFrame(names).write_parquet(folder / "log.parquet")
    (folder / "log.space").write_text(BLOCK.format(source=folder / "log.parquet"))
    return folder / "log.space"


def space_of(block):
    return recspace.compile("esapn", block, set={"widths": "[2, 4, 8]"})


@pytest.fixture(scope="module")
def run(block, tmp_path_factory):
    return recspace.search(space_of(block), tmp_path_factory.mktemp("esapn") / "run", strategy=RECIPE, seed=1)


def ranks_of(run):
    return {d["name"]: [e["value"] for e in d["elements"]] for d in run.architecture["decisions"]}


def test_a_policy_enlarges_some_and_all_that_is_stored_is_what_they_have(run):
    (stage,) = [row for row in run.report["stages"] if row["stage"] == "0.stream"]
    ranks, widths = ranks_of(run), {1: 2, 2: 4, 3: 8}
    assert stage["enlarged"] == {name: sum(r - 1 for r in own) for name, own in ranks.items()}
    assert sum(stage["enlarged"].values()) > 0
    state = load_file(run.folder / "model.safetensors")
    stored = sum(t.numel() for n, t in state.items() if "embed" in n and t.is_floating_point())
    assert stored == sum(widths[r] for own in ranks.values() for r in own) + 2 * 2  # the unknown value of both fields
    assert np.isfinite(stage["before_learning"]["rmse"])


def test_it_goes_on_to_the_same_bits(run, block, tmp_path):
    settings = Settings(seed=1, set=("widths=[2, 4, 8]",), strategy=RECIPE, checkpoint_steps=4)
    count = interruptions(
        lambda stop: begin(space_of(block), settings, tmp_path / "run", progress=stop),
        lambda stop: recspace.Run(tmp_path / "run").resume(progress=stop),
        11,
    )
    assert count >= 1
    assert essence(tmp_path / "run")[0] == essence(run.folder)[0]


def stage_of(block, inherit="true"):
    """The stream of a search, before its first step."""
    from importlib import import_module

    from recspace.runtime.journal import Journal
    from recspace.runtime.progress import Silent

    folder = block.parent / f"by-hand-{inherit}"
    folder.mkdir(exist_ok=True)
    recipe = f"stream({POLICY.format(inherit=inherit)})"
    search = Search(
        inputs_of(space_of(block), recipe), Settings(seed=1), folder, Journal(folder / "events.jsonl"), Silent()
    )
    (stage,) = [s for s in search.stages if s.call.name == "stream"]
    return import_module("recspace.runtime.strategies.stream").start(search._context(stage), stage.call)


def test_a_vector_that_is_enlarged_starts_as_what_the_space_makes_of_the_old_one(block):
    """Up to the statistics that each width has of its own: these are equal before anything is trained."""
    fit = stage_of(block).fit
    model, (users, _) = fit.model, fit._ladders
    fit.seen.add(fit._examples.batch(torch.arange(200)))
    batch = fit._examples.batch(torch.arange(64))
    value = torch.unique(batch["user"]) - 1
    model.module.eval()
    with torch.no_grad():
        for parameter in model.parameters.values():
            parameter.add_(
                0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
            )
        for stored in model.compiled.tensors:  # the same norm for every width
            if "batch_norm" in stored.attribute:
                tensor = model.tensors[stored.attribute]
                tensor.copy_(tensor[:1].expand_as(tensor))
        before = model.module(batch, fit.sizes.settled(), {})
        other = model.module(
            batch,
            fit.sizes.at({**fit.sizes.ranks, users.decision.name: fit._moved(users, value, torch.ones_like(value))}),
            {},
        )
        fit._inherit(users, value)
        after = model.module(
            batch,
            fit.sizes.at({**fit.sizes.ranks, users.decision.name: fit._moved(users, value, torch.ones_like(value))}),
            {},
        )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    assert (other - before).abs().max() > 0.01


def test_rewards_are_drops_of_each_values_own_loss(block):
    fit = stage_of(block).fit
    one, batch = fit._ladders[0], {"user": torch.tensor([1, 2, 1, 3])}
    value = torch.tensor([0, 1, 2])
    loss = torch.tensor([0.2, 0.5, 0.4, 0.9])
    assert fit._rewards(one, batch, value, loss).tolist() == [0, 0, 0]
    fit._past[one.decision.name][0, :2], fit._known[one.decision.name][0] = torch.tensor([0.5, 0.7]), 2
    found = fit._rewards(one, batch, value, loss)
    assert found.tolist() == pytest.approx([1 - 0.3 - 0.6, 0, 0])


def test_a_policy_that_is_rewarded_for_enlarging_does(block, monkeypatch):
    from recspace.runtime.enlarging import Enlarging

    ends = {}
    for sign in (1.0, -1.0):
        task = stage_of(block)
        fit = task.fit
        plain = Enlarging._move

        def rewards(self, one, batch, value, loss_B, sign=sign):
            action = self._drawn[one.decision.name]
            return sign * (2.0 * action.float() - 1.0)

        def moved(self, one, value, action, plain=Enlarging._moved):
            self.__dict__.setdefault("_drawn", {}).setdefault(one.decision.name, action)
            return plain(self, one, value, action)

        def move(self, plain=plain):
            self.__dict__["_drawn"] = {}
            return plain(self)

        with monkeypatch.context() as patched:
            patched.setattr(Enlarging, "_rewards", rewards)
            patched.setattr(Enlarging, "_moved", moved)
            patched.setattr(Enlarging, "_move", move)
            while not task.done:
                task.step()
        frequent = fit.seen.counts["user"][1:] > 100
        ends[sign] = float(fit.sizes.ranks["user_size"][frequent].float().mean())
    assert ends[1.0] > ends[-1.0] + 0.5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("stream(reinforce(epochs = 1))", "S0658"),
        (RECIPE.replace("[keep, enlarge]", "[shrink, enlarge]"), "S0658"),
        (RECIPE.replace("start = smallest", "start = widest"), "S0658"),
    ],
)
def test_other_policies_are_refused(text, code, block, tmp_path):
    with pytest.raises(SpaceError, match=code):
        recspace.search(space_of(block), tmp_path / "run", strategy=text)


def test_widths_without_a_transform_between_them_cannot_be_enlarged(block, tmp_path):
    space = recspace.compile("autoemb", block, set={"widths": "{2, 4}"})
    with pytest.raises(SpaceError, match=r"S065[57]|S0605"):
        recspace.search(space, tmp_path / "run", strategy=RECIPE)
    model = build(space.compiled(), torch.device("cpu"))
    initialise(model, 0)
    call = inputs_of(space_of(block), RECIPE).recipe.stages[0].inner[0]
    with pytest.raises(SpaceError, match="S0657"):
        ladder_of(model.compiled, space.decisions[0], call)
    assert json.dumps(call.name)

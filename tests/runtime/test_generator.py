"""The network that generates architectures: what it learns from rewards, and the stages around it."""

from dataclasses import replace

import by_hand
import pytest
import torch
from small_graphs import Small
from stage_by_hand import context, ended, started

from recspace.compiler.decisions import Decision, Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.choices import Fixed
from recspace.runtime.components import Components
from recspace.runtime.context import optimizer, with_defaults
from recspace.runtime.generator_stage import Generator
from recspace.runtime.plan import need_supernet, planned
from recspace.runtime.policy import Slots, noise_of
from recspace.runtime.registry import promises
from recspace.runtime.strategies import warmup

FIRST = Decision("first", (), 1, ((),), (Domain("name", ("a", "b", "c")),))
SECOND = Decision("second", ("k",), 2, ((1,), (2,)), (Domain("name", ("x", "y", "z")),))
TEXT = "generator(epochs = {}, batch_size = 128, samples = 3, drawn = 2, rows = 64{})"


def forced(slots, step, first):
    """Noise that makes the first component take an option."""
    noise = noise_of(slots, 0, "s", step)
    noise[0] = 0.5
    noise[0, first] = 1.0
    return noise


def test_components_see_what_was_taken_before():
    """Two elements of the second component are to follow the first one, which is forced to take any option."""
    slots = Slots((FIRST, SECOND))
    policy = Components(slots, 16, 1, "s")
    update = optimizer(with_defaults("adam", lr=0.01), policy.parameters, frozenset(), 600)
    reward = lambda a: float(a[0] == a[1]) + float((a[0] + 1) % 3 == a[2])  # noqa: E731
    for step in range(600):
        drawn = policy.draw(forced(slots, step, step % 3))
        loss = -(drawn.likelihood[1:] * (reward(drawn.actions.tolist()) - 1.5) + 0.1 * drawn.entropy[1:]).sum()
        found = torch.autograd.grad(loss, list(policy.parameters.values()), allow_unused=True)
        update.step({n: g for n, g in zip(policy.parameters, found, strict=True) if g is not None}, 1.0)
    judged = [policy.draw(forced(slots, 1000 + k, k % 3)).actions.tolist() for k in range(60)]
    assert {a for a, _, _ in judged} == {0, 1, 2}
    assert sum(map(reward, judged)) > 90
    with torch.no_grad():
        policy.parameters["option"].zero_()  # without the state there is nothing to follow
    blind = [policy.draw(forced(slots, 1000 + k, k % 3)).actions.tolist() for k in range(60)]
    assert sum(map(reward, blind)) < 75


def test_the_network_learns_what_is_rewarded(monkeypatch):
    wanted = (1, 0, 0, 1, 0, 1)
    reward = lambda self, a: sum(float(x == y) for x, y in zip(a["keep"], wanted, strict=True))  # noqa: E731
    monkeypatch.setattr(Generator, "_reward", reward)
    task = ended(started(TEXT.format(12, ", teacher = adam(lr = 0.05)"), context()))
    figures = task.figures()
    assert figures["reward_at_last"] > figures["reward_at_first"] + 1
    assert task.trials[0]["architecture"]["keep"] == list(wanted)


def test_planted_widths_are_rewarded_by_validation_rows():
    task = ended(started(TEXT.format(3, ""), context(factory=by_hand.dim)))
    assert len(task.rewards) == 2 * task.sharing.steps
    assert all(0 <= reward <= 1 for reward in task.rewards)
    assert len(set(task.rewards)) > 5
    best = max(t["goodness"] for t in task.trials)
    taken = task.found().architecture["dim"]
    assert best in [t["goodness"] for t in task.trials if t["architecture"]["dim"] == list(taken)]


@pytest.mark.parametrize("option", ["every = 3", "drawn = 3", "rows = 32", "window = 2", "entropy = 0.5", "hidden = 8",
                                    "teacher = sgd(lr = 0.5)", "paths = 2", "sharing = nested"])  # fmt: skip
def test_options_are_honoured(option):
    place = context(factory=by_hand.dim)
    plain = started(TEXT.format(1, ""), place)
    text = TEXT.format(1, f", {option}")
    if option.split(" ")[0] in ("drawn", "rows"):
        text = text.replace(", drawn = 2" if "drawn" in option else ", rows = 64", "", 1)
    other = started(text, place)
    for task in (plain, other):
        for _ in range(8):
            task.step()
    one, two = plain.state().tensors, other.state().tensors
    assert one.keys() != two.keys() or any(
        a.shape != two[n].shape or not torch.equal(a, two[n]) for n, a in one.items()
    )


def test_requirements_hold_and_only_settles_some():
    small = Small()
    small.choose("dim", by_hand.DIM.domains[0], by_hand.FIELDS, axes=by_hand.DIM.axes, keys=by_hand.DIM.keys, default=1)
    other = small.choose("other", Domain("gate", ("off", "on")), 1, default=1)
    small.require(small.op("<=", small.reduce("sum", other), small.constant(0)))
    graph = small.graph()

    def factory(architecture, keep=frozenset()):
        assert architecture is None or architecture["other"] == (0,)
        return replace(by_hand.dim(architecture), decisions=graph.decisions if architecture is None else ())

    task = ended(started(TEXT.format(1, ""), context(factory=factory, graph=graph)))
    assert all(t["architecture"]["other"] == [0] for t in task.trials)


def test_shared_warmup_trains_what_generator_goes_on_with():
    text = "warmup(sharing = ordinal, distill = widest, epochs = 1, batch_size = 256)"
    place = context(factory=by_hand.dim)
    found = ended(started(text, place)).found()
    assert found.shared
    assert not found.weights
    after = started(TEXT.format(1, ", sharing = ordinal"), context(found, factory=by_hand.dim))
    start = after.sharing.loans.bank.tensors()
    assert all(torch.equal(start[name], found.shared[name]) for name in start)
    plain = ended(started(text.replace(", distill = widest", ""), place)).found().shared
    assert any(not torch.equal(plain[name], found.shared[name]) for name in plain)
    recipe = by_hand.recipe(f"{text} {TEXT.format(1, '')} retrain(from = search)")
    assert not need_supernet(planned(recipe, (by_hand.DIM,), promises()), promises())
    assert need_supernet(planned(by_hand.recipe("warmup() derive()"), (by_hand.DIM,), promises()), promises())


def test_an_even_mixture_needs_a_supernet():
    call = by_hand.call("warmup(decisions = even, sharing = nested)")
    with pytest.raises(SpaceError, match="S0674"):
        warmup.foresee(by_hand.graph_of(by_hand.DIM), call, Fixed((), {}))

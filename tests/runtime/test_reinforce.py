"""Policies that are rewarded: what they learn, what holds whatever they learn, and that they go on to the same bits."""

from dataclasses import replace

import by_hand
import pytest
import torch
from stage_by_hand import ROWS, SHORT, context, ended, result, same, started

from recspace.compiler.decisions import Decision, Domain
from recspace.dsl import SpaceError
from recspace.runtime.policy import LONGEST, Slots, noise_of, policy_of, taken
from recspace.runtime.strategies import reinforce

NETWORKS = ("independent", "mlp", "recurrent")
FAST = "batch_size = 64, epochs = 5, rows = 64, samples = 2, trials = 1, entropy = 0.0, policy = [8], optimizer = adam(lr = {rate})"


def charged(penalty, **options):
    """A context in which architectures cost what `penalty` says of their gates."""
    return replace(context(**options), penalty=lambda architecture: penalty(list(architecture["keep"])))


def learned(network, controller, penalty, **options):
    rate = 0.1 if network == "independent" else 0.03
    text = f"reinforce(network = {network}, controller = {controller}, {FAST.format(rate=rate)})"
    return ended(started(text, charged(penalty, **options)))


@pytest.mark.parametrize("controller", ["policy", "actor_critic"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_policy_learns_what_costs_least(network, controller):
    """Every other gate costs, and the others pay: more than any AUC."""
    task = learned(network, controller, lambda keep: sum(1 if k % 2 else -1 for k, o in enumerate(keep) if o))
    assert task.likeliest()["keep"] == (1, 0, 1, 0, 1, 0)
    assert task.found().architecture["keep"] == (1, 0, 1, 0, 1, 0)
    figures = task.figures()
    assert figures["reward_at_last"] > figures["reward_at_first"] + 1


@pytest.mark.parametrize("network", ["mlp", "recurrent"])
def test_elements_one_after_the_other_are_told_of_those_before(network):
    slots = Slots((by_hand.keep_decision(),))
    policy = policy_of(network, slots, [8], 0, "s")
    with torch.no_grad():
        for parameter in policy.parameters.values():
            parameter.mul_(20)
    noise = torch.full((slots.size, 2), 0.5)
    found = []
    for first in (0, 1):
        forced = noise.clone()
        forced[0, first] = 1.0 - 1e-6
        found.append(policy.draw(forced))
    assert [d.actions[0] for d in found] == [0, 1]
    assert all(found[0].entropy[t] != found[1].entropy[t] for t in range(1, slots.size))
    assert found[0].entropy[0] == found[1].entropy[0]


def test_a_critic_learns_what_rewards_are():
    task = learned("independent", "actor_critic", lambda keep: 3.0)
    assert float(task.policy.parameters["value"].detach()) == pytest.approx(-3 + 0.55, abs=0.3)


def test_what_is_fixed_holds_whatever_is_rewarded():
    task = learned("independent", "policy", lambda keep: 5.0 * sum(keep), fixes=("keep[f0,f1]=on",))
    assert task.found().architecture["keep"] == (1, 0, 0, 0, 0, 0)


def test_weights_are_trained_with_what_the_policy_draws():
    """And not with the hand-made model."""
    found = result(f"reinforce(trials = 1, {SHORT})")
    other = result(f"warmup({SHORT})")
    assert any(not torch.equal(found.weights[n], other.weights[n]) for n in found.weights)
    assert 0 < float(found.weighing["keep"].min()) < float(found.weighing["keep"].max()) < 1


@pytest.mark.parametrize(
    "option", ["entropy = 3.0", "window = 1", "samples = 2", "every = 3", "rows = 32", "quality = loss"]
)
def test_options_are_not_ignored(option):
    plain, other = (result(f"reinforce(trials = 1, {more}{SHORT})") for more in ("", f"{option}, "))
    assert not torch.equal(plain.weighing["keep"], other.weighing["keep"])


def test_entropy_keeps_options_open():
    spread = [
        result(f"reinforce(trials = 1, entropy = {e}, optimizer = adam(lr = 0.1), {SHORT})").weighing["keep"]
        for e in (0, 5)
    ]
    assert float((spread[1] - 0.5).abs().mean()) < 0.5 * float((spread[0] - 0.5).abs().mean())


def test_more_that_are_judged_are_none_the_worse():
    task = ended(started(f"reinforce(trials = 7, rows = 64, {SHORT})"))
    assert len(task.trials) == 7
    goods = [t["goodness"] for t in task.trials]
    assert task.found().architecture["keep"] == tuple(task.trials[goods.index(max(goods))]["architecture"]["keep"])
    assert task.at == task.steps


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("at", [0, 4, 11])
def test_it_goes_on_to_the_same_bits(network, at):
    text = f"reinforce(network = {network}, controller = actor_critic, trials = 3, rows = 64, policy = [4], {SHORT})"
    straight, cut = ended(started(text)), started(text)
    for _ in range(at):
        cut.step()
    again = started(text)
    again.restore(cut.state())
    assert same(ended(again).found(), straight.found())
    assert again.figures() == straight.figures()


def test_logits_of_what_is_not_there_are_never_taken():
    slots = Slots(
        (
            Decision("a", (), 2, (("x",), ("y",)), (Domain("number", (1, 2)), Domain("number", (1, 2, 3, 4))), (0, 1)),
            Decision("b", (), 1, ((),), (Domain("gate", ("off", "on")),)),
        )
    )
    for network in NETWORKS:
        policy = policy_of(network, slots, [4], 0, "s")
        drawn = [policy.draw(noise_of(slots, 0, k)).actions for k in range(60)]
        assert torch.stack(drawn).max(0).values.tolist() == [1, 3, 1]
        options = slots.options(drawn[0])
        assert [len(options[n]) for n in ("a", "b")] == [2, 1]


def test_draws_are_as_likely_as_they_say():
    logits, generator = torch.tensor([0.0, 1.0, -1.0]), torch.Generator().manual_seed(3)
    noise = torch.rand(20_000, 3, generator=generator)
    action, likelihood, entropy = taken(logits.expand(20_000, 3), noise)
    shares = torch.bincount(action, minlength=3) / 20_000
    torch.testing.assert_close(shares, logits.softmax(0), atol=0.01, rtol=0)
    torch.testing.assert_close(likelihood.exp(), logits.softmax(0)[action])
    assert float(entropy[0]) == pytest.approx(float(-(logits.softmax(0) * logits.log_softmax(0)).sum()))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("reinforce(moves = [keep])", "S0651"),
        ("reinforce(inherit = true)", "S0651"),
        ("reinforce(network = mlp)", "S0650"),
    ],
)
def test_what_it_cannot_do_is_refused(text, code):
    count = LONGEST + 1 if code == "S0650" else 3
    decision = Decision(
        "keep", ("k in 1..n",), count, tuple((k,) for k in range(count)), (Domain("gate", ("off", "on")),)
    )
    with pytest.raises(SpaceError, match=code):
        reinforce.foresee(by_hand.graph_of(decision), by_hand.call(text), context().fixed)


def test_without_validation_rows_there_is_no_reward():
    part = ROWS.part.copy()
    part[part == 1] = 0
    with pytest.raises(SpaceError, match="S0611"):
        started(f"reinforce({SHORT})", context(encoded=replace(ROWS, part=part)))

"""Shared weights: against plain training, against slices written out, and what is drawn for every step."""

import random
from dataclasses import replace

import by_hand
import pytest
import torch
from small_graphs import Small
from stage_by_hand import context, ended, result, started

from recspace.compiler.decisions import Decision, Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.bank import Bank, borrow, maker
from recspace.runtime.choices import Fixed
from recspace.runtime.context import optimizer
from recspace.runtime.metrics import kendall
from recspace.runtime.module import build
from recspace.runtime.paths import paths_of
from recspace.runtime.repair import Repair
from recspace.runtime.strategies import one_shot

CPU = torch.device("cpu")
ADAM = maker(lambda parameters, tables: optimizer(None, parameters, dict.fromkeys(tables, 1), 10))


@pytest.mark.parametrize(("factory", "fixes"), [(by_hand.fis, ("keep=on",)), (by_hand.dim, ("dim=4",))])
def test_of_one_architecture_it_is_plain_training(factory, fixes):
    """Every weight by itself moves as all together do, statistics included."""
    text = "epochs = 2, batch_size = 128, clip = 0.5, decay = cosine"
    place = context(factory=factory, fixes=fixes)
    found = result(f"one_shot(samples = 1, {text})", place)
    alone = replace(place, stage="1.s")
    plain = result(f"train(patience = 0, {text})", alone).model
    model = build(factory(dict(found.architecture)), CPU)
    assert borrow(found.shared, model) == 0
    for name, tensor in model.tensors.items():
        assert torch.allclose(tensor, plain[name], atol=1e-6), name
    assert any(not torch.equal(plain[name], torch.zeros_like(plain[name])) for name in plain)


def test_several_paths_give_the_mean_of_their_gradients():
    bank, made = Bank(False, 0, CPU, ADAM), []
    for keep in ((1, 1, 1, 1, 1, 1), (1, 0, 0, 0, 0, 1)):
        model = build(by_hand.fis({"keep": keep}), CPU)
        bank.lend(model)
        gradients = {name: torch.ones_like(p) for name, p in model.parameters.items()}
        made.append(bank.gathered(model, gradients))
    both = made[0].keys() & made[1].keys()
    assert len(both) == 2 * by_hand.FIELDS + 1
    assert all(torch.equal(made[0][name], made[1][name]) for name in both)


def test_nested_weights_are_the_first_rows_and_columns_of_the_largest():
    bank = Bank(True, 0, CPU, ADAM)
    small, large = (build(by_hand.dim({"dim": (k,) * 4}), CPU) for k in (0, 1))
    bank.lend(small)
    before = small.tensors["e0_2"].clone()
    bank.lend(large)  # grows around what there was
    assert torch.equal(large.tensors["e0_4"][:, :2], before)
    assert torch.equal(large.tensors["a0_4"][:2], small.tensors["a0_2"])
    gradient = bank.gathered(small, {"e0_2": torch.ones(by_hand.ROWS, 2)})
    (own,) = gradient.values()
    assert own.shape == (by_hand.ROWS, 4)
    assert own[:, :2].eq(1).all()
    assert own[:, 2:].eq(0).all()
    bank.step(gradient, 1.0)
    old = large.tensors["e0_4"].clone()
    bank.lend(large)
    bank.lend(small)
    assert torch.equal(large.tensors["e0_4"][:, 2:], old[:, 2:])
    assert (large.tensors["e0_4"][:, :2] < old[:, :2]).all()
    assert torch.equal(small.tensors["e0_2"], large.tensors["e0_4"][:, :2])


def test_without_sharing_each_width_has_its_own():
    bank = Bank(False, 0, CPU, ADAM)
    small, large = (build(by_hand.dim({"dim": (k,) * 4}), CPU) for k in (0, 1))
    bank.lend(small)
    bank.lend(large)
    assert not torch.equal(large.tensors["e0_4"][:, :2], small.tensors["e0_2"])
    assert len(bank.tensors()) == 16


def test_going_on_with_a_bank_is_the_same():
    banks = [Bank(True, 0, CPU, ADAM) for _ in range(2)]
    for k in (0, 1, 0):
        model = build(by_hand.dim({"dim": (k,) * 4}), CPU)
        banks[0].lend(model)
        banks[0].step(banks[0].gathered(model, {n: torch.ones_like(p) for n, p in model.parameters.items()}), 1.0)
    banks[1].restore(banks[0].state())
    for bank in banks:
        bank.lend(model)
        bank.step(bank.gathered(model, {n: torch.ones_like(p) for n, p in model.parameters.items()}), 0.5)
    one, other = (bank.tensors() for bank in banks)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def drawn(factory, mode, steps, count=1):
    place = context(factory=factory)
    paths = paths_of(place, place.decisions, Fixed((), {}), mode, count)
    return [paths(step) for step in range(steps)]


def test_balanced_uses_each_option_equally_often():
    steps = drawn(by_hand.dim, "balanced", 40)
    for k in range(0, 40, 2):  # two widths: of two steps in a row each element has both
        (one,), (other,) = steps[k], steps[k + 1]
        assert all(a != b for a, b in zip(one["dim"], other["dim"], strict=True))
    assert len({s[0]["dim"] for s in steps}) > 5


def test_a_sandwich_has_the_widest_and_the_smallest():
    for step in drawn(by_hand.dim, "sandwich", 6, count=2):
        assert [s["dim"] for s in (step[0], step[-1])] == [(1,) * 4, (0,) * 4]
        assert len(step) == 4


def test_any_connection_draws_how_many_before_which():
    """The number of gates that are on is even over 1..6; of uniform draws it is seldom one or six."""
    ones = [sum(step[0]["keep"]) for step in drawn(by_hand.fis, "any_connection", 300)]
    counts = [ones.count(n) for n in range(7)]
    assert counts[0] == 0
    assert all(25 <= c <= 80 for c in counts[1:])
    uniform = [sum(step[0]["keep"]) for step in drawn(by_hand.fis, "uniform", 300)]
    assert uniform.count(6) < 15


def limited(most):
    """Six gates of which at most so many may be on."""
    small = Small()
    gates = [small.choose(f"g{k}", Domain("gate", ("off", "on")), 1) for k in range(6)]
    small.require(small.op("<=", small.reduce("sum", *gates), small.constant(most)))
    return small.graph()


def test_what_a_requirement_forbids_is_repaired_and_sure_elements_stay():
    repair = Repair(limited(2), Fixed((), {}))
    everything = {f"g{k}": (1,) for k in range(6)}
    nothing = {f"g{k}": (0,) for k in range(6)}
    seen = set()
    for seed in range(30):
        found = repair(everything, nothing, random.Random(seed), frozenset({("g4", 0)}))
        on = frozenset(name for name, own in found.items() if own == (1,))
        assert len(on) == 2
        assert "g4" in on
        seen.add(on)
    assert len(seen) == 5
    allowed = {**nothing, "g1": (1,)}
    assert repair(allowed, nothing, random.Random(0)) == allowed


def test_only_some_decisions_are_settled():
    """The others are held at their default, and stay open for what follows."""
    graph = by_hand.graph_of(by_hand.DIM, Decision("other", (), 1, ((),), (Domain("gate", ("off", "on")),), (), (1,)))
    seen = []

    def factory(architecture, keep=frozenset()):
        if architecture is not None:
            seen.append(architecture["other"])
        return replace(by_hand.dim(architecture), decisions=graph.decisions if architecture is None else ())

    place = context(factory=factory, graph=graph)
    task = ended(started("one_shot(only = [dim], samples = 3, epochs = 1, batch_size = 256)", place))
    found = task.found()
    assert found.architecture is None
    assert set(found.settled) == {"dim"}
    assert set(seen) == {(1,)}
    after = context(found, factory=factory, graph=graph)
    after = replace(after, fixed=after.fixed.joined(after.decisions, found.settled))
    again = result("one_shot(only = [other], samples = 3, epochs = 1, batch_size = 256)", after)
    assert set(again.settled) == {"dim", "other"}
    assert again.settled["dim"] == found.settled["dim"]


def test_weights_are_gone_on_with():
    first = result("one_shot(samples = 1, epochs = 1, batch_size = 256)", context(factory=by_hand.dim))
    place = context(replace(first, architecture=None), factory=by_hand.dim)
    task = started("one_shot(samples = 1, epochs = 1, batch_size = 256)", place)
    start = task.sharing.loans.bank.tensors()
    assert start
    assert all(torch.equal(start[name], first.shared[name]) for name in start)


@pytest.mark.parametrize(
    "option",
    ["draw = balanced", "draw = sandwich", "draw = sandwich, distill = widest", "sharing = nested", "paths = 2"],
)
def test_options_are_honoured(option):
    text = "one_shot(samples = 1, epochs = 1, batch_size = 128"
    others = {"draw = sandwich, distill = widest": ", draw = sandwich"}.get(option, "")
    place = context(factory=by_hand.dim)
    one, other = (result(f"{text}{o})", place).shared for o in (others, f", {option}"))
    assert one.keys() != other.keys() or any(not torch.equal(one[n], other[n]) for n in one)


def test_fine_tuning_and_retraining_judge_anew():
    place = context(factory=by_hand.dim)
    text = "one_shot(samples = 4, epochs = 1, batch_size = 128, optimizer = adam(lr = 0.02)"
    plain, tuned, alone = (
        ended(started(f"{text}{more})", place)) for more in ("", ", finetune = 3", ", retrain = 3, retrain_epochs = 2")
    )
    assert [t["fingerprint"] for t in plain.trials] == [t["fingerprint"] for t in tuned.trials]
    assert [t["goodness"] for t in plain.trials] != [t["goodness"] for t in tuned.trials]
    assert tuned.found().model
    ranking = alone.figures()["ranking"]
    assert len(ranking["scores"]) == 3
    best = sorted((t["goodness"] for t in plain.trials), reverse=True)[:3]
    assert sorted((s["shared"] for s in ranking["scores"]), reverse=True) == best
    assert ranking["trusted"] == (ranking["kendall"] is not None and ranking["kendall"] >= 0.6)
    chosen = max(ranking["scores"], key=lambda s: s["alone"])["fingerprint"]
    taken = alone.found().architecture
    assert next(t["architecture"]["dim"] for t in alone.trials if t["fingerprint"] == chosen) == list(taken["dim"])


def test_distilling_without_a_sandwich_is_refused():
    call = by_hand.call("one_shot(distill = widest)")
    with pytest.raises(SpaceError, match="S0670"):
        one_shot.foresee(by_hand.graph_of(by_hand.DIM), call, Fixed((), {}))


def test_kendall_counts_pairs():
    """Of 10 pairs 8 agree and 2 do not; with ties the denominators shrink (Kendall 1945)."""
    assert kendall([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]) == pytest.approx(0.6)
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    assert kendall([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / 6**0.5)
    assert kendall([1, 1], [1, 2]) is None
    assert kendall([], []) is None

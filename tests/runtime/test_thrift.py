"""Bounds on costs while decisions are relaxed: what is expected of them, and multipliers that keep to them."""

import random

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions

import recspace
from recspace.compiler.budgets import Asked
from recspace.compiler.ir import Cost
from recspace.compiler.penalties import SMOOTH
from recspace.compiler.prices import prices
from recspace.dsl import SpaceError
from recspace.running import start as begin
from recspace.runtime.cells import Cells
from recspace.runtime.charging import ON_TENSORS
from recspace.runtime.choices import Fixed, one_hots
from recspace.runtime.settings import Settings
from recspace.runtime.thrift import START, Thrift

CPU = torch.device("cpu")
WIDTHS = """space Widths
choose dim[f in fields] from {1, 2, 4, 8}
let e[f in fields] = align[f](embed(f, dim[f]), 8)
predict sigmoid(bias() + sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
require memory(e) <= 30%
require parameters() <= 40%
"""
NESTED = """space Nested
choose dim[f in fields] from {1, 4}
choose hidden from {4, 32}
let e[f in fields] = embed(f, dim[f])
predict sigmoid(linear(relu(linear(concat(e[f] for f in fields), hidden)), 1))
minimize logloss
require parameters() <= 60%
"""
NUMBERS = """space Numbers
choose keep[f in fields, v in values(f), k in 1..3] from {off, on}
let r[f in fields] = embed(f, 3)
let e[f in fields] = r[f] * keep[f, value(f), :]
predict sigmoid(bias() + sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
require parameters(e) <= 20%
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("thrift") / "t.parquet"
    rng = np.random.default_rng(3)
    ids = {"a": rng.integers(0, 30, 1500), "b": rng.integers(0, 9, 1500), "c": rng.integers(0, 4, 1500)}
    logit = rng.choice([-1.5, 1.5], 30)[ids["a"]] * rng.choice([-1.0, 1.0], 9)[ids["b"]]
    label = (rng.random(1500) < 1 / (1 + np.exp(-logit))).astype(int)
    columns = {name: [f"{name}{v}" for v in own] for name, own in ids.items()}
    pl.DataFrame({**columns, "label": label}).write_parquet(path)
    return path


def compiled(tmp_path, table, text):
    (tmp_path / "s.space").write_text(text)
    return recspace.compile(tmp_path / "s.space", table)


def thrift(space, rate=0.5, steps=10):
    own = [d for d in space.decisions if d.packed]
    cells = {d.name: Cells(space.compiled(None), d, CPU) for d in own}
    return Thrift(space.purse, space.decisions, Fixed(space.decisions, {}), cells, rate, steps, CPU)


def priced(space, base):
    return prices(space.purse, base, space.decisions, [bound.asked for bound in space.purse.bounds])


def drawn(space, rng):
    """Any architecture, whether it meets the bounds or not."""
    found = {}
    for d in space.decisions:
        options = [rng.randrange(len(d.domain(0 if d.packed else e).options)) for e in range(d.elements)]
        found[d.name] = bytes(options) if d.packed else tuple(options)
    return found


@pytest.mark.parametrize("text", [WIDTHS, NUMBERS], ids=["widths", "numbers"])
def test_what_is_expected_of_one_architecture_is_what_it_costs_where_costs_add_up(tmp_path, table, text):
    space, rng = compiled(tmp_path, table, text), random.Random(5)
    own = thrift(space)
    for _ in range(5):
        architecture = drawn(space, rng)
        choices = one_hots(space.decisions, architecture, CPU)
        expected = [round(float(cost)) for cost in own.expected(choices)]
        assert expected == list(space.purse.spent(architecture))


def test_a_mixture_costs_what_its_parts_cost_by_how_likely_they_are(tmp_path, table):
    space, rng = compiled(tmp_path, table, WIDTHS), random.Random(5)
    own, parts = thrift(space), [drawn(space, rng) for _ in range(4)]
    hot = [one_hots(space.decisions, one, CPU) for one in parts]
    mixed = {name: sum(one[name] for one in hot) / 4 for name in hot[0]}
    spent = np.mean([space.purse.spent(one) for one in parts], axis=0)
    assert [float(cost) for cost in own.expected(mixed)] == pytest.approx(list(spent))


def test_prices_are_of_one_change_each_and_are_found_anew_around_what_weighs_most(tmp_path, table):
    space = compiled(tmp_path, table, NESTED)
    own = thrift(space, steps=5)
    plain, other = {"dim": (1, 1, 1), "hidden": (0,)}, {"dim": (0, 1, 1), "hidden": (1,)}
    for base in (plain, other):
        (found,) = priced(space, base)
        assert found.at == space.purse.spent(base)[0]
        for name, options in base.items():
            for element, has in enumerate(options):
                for option in (0, 1):
                    changed = {**base, name: tuple(option if e == element else o for e, o in enumerate(options))}
                    assert found.more[name][element][option] == space.purse.spent(changed)[0] - found.at
                assert found.more[name][element][has] == 0
    far = {d.name: tuple(1 - option for option in d.hand_made) for d in space.decisions}
    choices = one_hots(space.decisions, far, CPU)
    assert float(own.expected(choices)[0]) != space.purse.spent(far)[0]
    own.moved(choices)
    assert float(own.expected(choices)[0]) == space.purse.spent(far)[0]


def test_large_families_share_what_they_cost_together(tmp_path, table, monkeypatch):
    monkeypatch.setattr("recspace.compiler.prices.MOST", 2)
    space = compiled(tmp_path, table, WIDTHS)
    base = {"dim": (0, 3, 1)}
    memory, _ = priced(space, base)
    both = [space.purse.spent({"dim": (o,) * 3})[0] for o in range(4)]
    for element, has in enumerate(base["dim"]):
        assert memory.more["dim"][element] == pytest.approx([(both[o] - both[has]) / 3 for o in range(4)])


def test_multipliers_rise_while_a_bound_is_broken_and_fall_to_nothing(tmp_path, table):
    space = compiled(tmp_path, table, WIDTHS)
    own = thrift(space, rate=0.5)
    widest, narrow = (one_hots(space.decisions, {"dim": (o,) * 3}, CPU) for o in (3, 0))
    assert float(own.penalty(narrow)) == 0
    own.moved(widest)
    assert own.multipliers == pytest.approx(
        [START * np.exp(0.5)] * 2
    )  # broken by more than as much again: that counts as it
    broken = [c / b.most - 1 for c, b in zip(space.purse.spent({"dim": (3,) * 3}), space.purse.bounds, strict=True)]
    assert broken[0] == pytest.approx(1 / 0.3 - 1, rel=0.02)
    assert float(own.penalty(widest)) == pytest.approx(START * np.exp(0.5) * sum(broken))
    assert float(own.penalty(narrow)) == 0
    for _ in range(6):
        own.moved(narrow)
    assert own.multipliers == [START, START]


def test_gradients_are_prices_as_shares_of_the_bound_where_what_weighs_most_breaks_it(tmp_path, table):
    space = compiled(tmp_path, table, WIDTHS)
    own, base = thrift(space), space.decisions[0].hand_made
    own.moved(one_hots(space.decisions, {"dim": (3,) * 3}, CPU))
    weights = torch.tensor([[0.2, 0.1, 0.1, 0.6]] * 3, requires_grad=True)
    own.penalty({"dim": weights}).backward()
    expected = sum(
        m * torch.tensor(p.more["dim"]) / b.most
        for m, p, b in zip(own.multipliers, priced(space, {"dim": base}), space.purse.bounds, strict=True)
    )
    torch.testing.assert_close(weights.grad, expected.float())
    inside = torch.tensor([[0.6, 0.1, 0.1, 0.2]] * 3, requires_grad=True)  # what it is a mixture of is beside the point
    assert float(own.penalty({"dim": inside})) == 0


SEARCH = "relax(as = softmax, epochs = 8, batch_size = 64, multiplier = auto) derive()"


PLAIN = SEARCH.replace(", multiplier = auto", "")


def bounds(run):
    return next(s for s in run.report["stages"] if s["stage"] == "0.relax").get("bounds")


@pytest.mark.parametrize("relaxation", ["softmax", "gumbel"])
def test_a_search_comes_to_what_it_may_cost(tmp_path, table, relaxation):
    space = compiled(tmp_path, table, WIDTHS)
    strategy = SEARCH.replace("softmax", relaxation)
    kept = recspace.search(space, tmp_path / "kept", strategy=strategy)
    free = recspace.search(space, tmp_path / "free", strategy=strategy.replace(", multiplier = auto", ""))
    assert bounds(free) is None
    assert [row["require"] for row in bounds(kept)] == ["memory(e) <= 30%", "parameters() <= 40%"]
    assert all(row["likeliest"] <= 1.1 * row["allowed"] for row in bounds(kept))
    assert max(row["multiplier"] for row in bounds(kept)) > 10 * START
    assert max(row["likeliest"] / row["allowed"] for row in bounds(kept)) > 0.5  # and is not driven on

    def beyond(run):
        weights = torch.tensor([e["weight"] for e in run.architecture["decisions"][0]["elements"]])
        spent = space.purse.spent({"dim": tuple(weights.argmax(-1).tolist())})
        return max(cost / b.most - 1 for cost, b in zip(spent, space.purse.bounds, strict=True))

    assert beyond(free) > beyond(kept) + 0.2


def test_gates_of_numbers_come_to_what_they_may_cost(tmp_path, table):
    space = compiled(tmp_path, table, NUMBERS)
    run = recspace.search(
        space, tmp_path / "run", strategy="relax(as = sigmoid, epochs = 8, batch_size = 64, multiplier = auto) derive()"
    )
    (row,) = bounds(run)
    assert row["likeliest"] <= 1.1 * row["allowed"]


CHARGED = WIDTHS.replace("require memory(e) <= 30%\nrequire parameters() <= 40%\n", "").replace(
    "minimize logloss", "minimize logloss + CHARGE"
)
CHARGES = [
    "0.5 * relu(parameters(e) / 30% - 1)",
    "2 * (memory(e) / 100%) ^ 2",
    "0.001 * relu(flops - 10) - 0.01 * parameters()",
]


@pytest.mark.parametrize("text", CHARGES)
def test_costs_in_what_is_minimized_are_those_of_an_architecture_where_it_is_certain(tmp_path, table, text):
    space, rng = compiled(tmp_path, table, CHARGED.replace("CHARGE", text)), random.Random(5)
    own = thrift(space)
    for _ in range(4):
        architecture = drawn(space, rng)
        found = float(own.penalty(one_hots(space.decisions, architecture, CPU)))
        assert found == pytest.approx(space.penalty(architecture), abs=1e-5)


def test_gradients_of_costs_are_those_of_what_is_expected(tmp_path, table):
    space = compiled(tmp_path, table, CHARGED.replace("CHARGE", "2 * (memory(e) / 100%) ^ 2"))
    own, weights = thrift(space), torch.full((3, 4), 0.25, requires_grad=True)
    own.penalty({"dim": weights}).backward()
    cost = next(node for _, node in space.graph.items() if isinstance(node, Cost))
    ask = Asked(cost.measure, cost.scope)
    (memory,) = prices(space.purse, {"dim": space.decisions[0].hand_made}, space.decisions, [ask])
    more, widest = np.array(memory.more["dim"]), space.purse.widest(ask)
    share = (memory.at + more.mean(1).sum()) / widest
    assert weights.grad.numpy() == pytest.approx(4 * share * more / widest, rel=1e-4, abs=1e-6)


def test_a_search_by_gradients_minimizes_costs(tmp_path, table):
    free = recspace.search(
        compiled(tmp_path, table, CHARGED.replace("CHARGE", "0 * flops")), tmp_path / "free", strategy=PLAIN
    )
    dear = recspace.search(
        compiled(tmp_path, table, CHARGED.replace("CHARGE", "3 * parameters(e) / 100%")),
        tmp_path / "dear",
        strategy=PLAIN,
    )
    sizes = [sum(e["value"] for e in run.architecture["decisions"][0]["elements"]) for run in (free, dear)]
    assert sizes[1] < sizes[0]
    assert sizes[1] <= 6


@pytest.mark.parametrize("text", ["floor(flops / 10)", "max(flops, 10)", "(1 if parameters() > 100 else 0)"])
def test_what_gradients_do_not_pass_is_refused(tmp_path, table, text):
    space = compiled(tmp_path, table, CHARGED.replace("CHARGE", text))
    with pytest.raises(SpaceError, match="S0652"):
        recspace.search(space, tmp_path / "run", strategy=PLAIN)


def test_operators_that_gradients_pass_are_those_that_are_computed():
    assert frozenset(ON_TENSORS) == SMOOTH


def test_a_run_that_was_cut_off_ends_with_the_same_bits(tmp_path, table):
    space, strategy = compiled(tmp_path, table, WIDTHS), SEARCH.replace("8", "2")
    settings = Settings(seed=2, strategy=strategy, checkpoint_steps=7)
    begin(space, settings, tmp_path / "whole")
    folder = tmp_path / "run"
    start = lambda stop: begin(space, settings, folder, stop)  # noqa: E731
    again = lambda stop: recspace.Run(folder).resume(progress=stop)  # noqa: E731
    assert interruptions(start, again, 11) > 2
    assert essence(folder) == essence(tmp_path / "whole")


@pytest.mark.parametrize(
    ("text", "relaxation"),
    [(WIDTHS.replace("require", "# require"), "softmax"), (NUMBERS.replace("parameters(e)", "parameters()"), "gate")],
)
def test_a_multiplier_of_nothing_is_refused(tmp_path, table, text, relaxation):
    space = compiled(tmp_path, table, text)
    with pytest.raises(SpaceError, match="S0823"):
        recspace.search(space, tmp_path / "run", strategy=f"relax(as = {relaxation}, multiplier = 0.5) derive()")

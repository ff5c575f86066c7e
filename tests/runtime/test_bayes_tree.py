"""A tree of naive Bayes classifiers: what it parts, by what probability, who is seated where, and what it finds."""

import math
import random
from collections import Counter
from itertools import product

import pytest
from small_graphs import Small

from recspace.compiler.architectures import canonical, satisfies
from recspace.compiler.decisions import Domain
from recspace.runtime.choices import Fixed
from recspace.runtime.draws import Draws
from recspace.runtime.naive_bayes import Leaf, Node, bayes, grown, leaf_of, leaves
from recspace.runtime.restaurant import BayesTree, seated

NONE = Fixed((), {})


def test_the_classifier_is_bayes_rule_with_smoothing():
    """By hand: of five rows two are good; P(good | row) ∝ 2 · Π (count + 1/k) / 3."""
    rows = [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (1, None)]
    model = bayes(rows, [True, True, False, False, False], (2, 3))
    for row in product((0, 1), ("a", "b", "c", None)):
        good = (
            2
            * (sum(r[0] == row[0] for r in rows[:2]) + 1 / 2)
            / 3
            * (sum(r[1] == row[1] for r in rows[:2]) + 1 / 3)
            / 3
        )
        worse = (
            3
            * (sum(r[0] == row[0] for r in rows[2:]) + 1 / 2)
            / 4
            * (sum(r[1] == row[1] for r in rows[2:]) + 1 / 3)
            / 4
        )
        assert math.exp(model._log(1, row)) == pytest.approx(good)
        assert math.exp(model._log(0, row)) == pytest.approx(worse)
        assert model.good(row) == (good > worse)


def test_a_tree_parts_the_best_and_then_the_best_of_these():
    rows = [(a, b, c) for a in range(3) for b in range(3) for c in range(2)]
    scores = [10.0 * (a == 2) + 3.0 * (b == 1) for a, b, _ in rows]
    tree = grown(rows, scores, (3, 3, 2), 70, 3)
    assert isinstance(tree, Node)
    assert all(rows[m][0] == 2 for leaf in leaves(tree.good) for m in leaf.members)
    assert isinstance(tree.good, Node)
    assert all(rows[m][:2] == (2, 1) for m in leaves(tree.good.good)[0].members)
    together = sorted(m for leaf in leaves(tree) for m in leaf.members)
    assert together == list(range(len(rows)))
    assert all(m in leaf_of(tree, row).members for m, row in enumerate(rows))
    assert grown(rows, [1.0] * len(rows), (3, 3, 2), 90, 3) == Leaf(tuple(range(len(rows))))
    assert grown(rows[:2], scores[:2], (3, 3, 2), 90, 3) == Leaf((0, 1))


def test_guests_sit_where_many_sit():
    """P(table) = n / (N + α), P(a new one) = α / (N + α)."""
    rng = random.Random(0)
    found = Counter(seated([6, 0, 2], 2.0, rng) for _ in range(20_000))
    assert set(found) == {0, 2, None}
    for table, share in ((0, 0.6), (2, 0.2), (None, 0.2)):
        assert found[table] / 20_000 == pytest.approx(share, abs=0.015)
    assert seated([0, 0], 1.0, rng) is None
    assert all(seated([1, 0], 0.0, rng) == 0 for _ in range(50))


def space():
    """Six gates of which at most three are on, operators that exist where gates are on, and a set."""
    small = Small()
    gates = [small.choose(f"g{k}", Domain("gate", ("off", "on")), 1, default=0) for k in range(6)]
    for k, gate in enumerate(gates[:3]):
        small.choose(f"op{k}", Domain("name", ("a", "b", "c", "d")), 1, exists=gate)
    small.choose("set", Domain("subset", ("x", "y", "z", "u"), 2, 2), 1, default=(0, 1))
    small.require(small.op("<=", small.reduce("sum", *gates), small.constant(3)))
    return small.graph()


def worth(a):
    ops = sum(a[f"g{k}"][0] * (a[f"op{k}"][0] == k + 1) for k in range(3))
    return 2 * ops + (a["set"][0] == (1, 3)) + 0.1 * a["g0"][0]


def run(sampler, trials):
    while sampler.asked < trials:
        architecture = sampler.ask()
        sampler.tell(architecture, float(worth(architecture)))
    return sampler


def made(**changes):
    options = {"percentile": 80.0, "concentration": 1.0, "least": 10, "seed": 2, "stage": "s", "trials": 120}
    return BayesTree(space(), changes.pop("fixed", NONE), **{**options, **changes})


def test_it_finds_more_than_chance_and_meets_requirements():
    graph = space()
    sampler = run(made(), 120)
    every = [a for a, _ in sampler.history]
    assert all(satisfies(graph, a) and canonical(graph, a) == a for a in every)
    draws = Draws(graph, NONE)
    chance = [worth(draws.at(5, "s", k)) for k in range(120)]
    later = [worth(a) for a in every[60:]]
    assert sum(later) / 60 > sum(chance) / 120 + 1
    assert worth(sampler.best()) > max(chance)


def test_what_is_fixed_holds():
    graph = space()
    sampler = run(made(fixed=Fixed(graph.decisions, {"g5": {0: 1}})), 40)
    assert all(a["g5"] == (1,) for a, _ in sampler.history)


def test_a_large_concentration_is_random_search():
    """Also what cannot be told apart: the first ones."""
    draws = Draws(space(), NONE)
    sampler = run(made(concentration=1e9), 30)
    assert [a for a, _ in sampler.history] == [draws.at(2, "s", k, "architecture") for k in range(30)]
    sampler = run(made(), 12)
    assert [a for a, _ in sampler.history][:10] == [draws.at(2, "s", k, "architecture") for k in range(10)]


def test_going_on_is_the_same():
    straight, first, second = run(made(), 50), run(made(), 23), made()
    second.restore(first.state())
    assert [a for a, _ in run(second, 50).history] == [a for a, _ in straight.history]


def test_options_are_honoured():
    plain = [a for a, _ in run(made(), 60).history]
    for change in ({"percentile": 50.0}, {"concentration": 20.0}, {"least": 25}):
        assert [a for a, _ in run(made(**change), 60).history] != plain

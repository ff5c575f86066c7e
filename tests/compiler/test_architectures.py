"""Architectures: enumerated, drawn, checked; all against the naive enumeration."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_graphs import GATE, Small, naive, options, random_graphs

from recspace.compiler.architectures import canonical, exists, fingerprint, hand_made, satisfies
from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.evaluate import evaluate
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Wish, nearest

WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
WIDTHS = Domain("number", (2, 8, 16))


def expected(graph: Graph) -> list[tuple[Any, ...]]:
    """The naive enumeration in canonical form."""
    default = hand_made(graph)

    def completed(name: str, chosen: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(default[name][k] if c is None else c for k, c in enumerate(chosen))

    return [tuple((name, completed(name, chosen)) for name, chosen in one.items()) for one in naive(graph)]


@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
@given(random_graphs())
def test_enumeration_finds_every_architecture_once(graph: Graph) -> None:
    every = expected(graph)
    found = [tuple(a.items()) for a in Sampler(graph).every()]
    assert sorted(found) == sorted(every)
    for architecture in found[:5]:
        assert satisfies(graph, dict(architecture))
        assert canonical(graph, dict(architecture)) == dict(architecture)


@settings(max_examples=40, deadline=None, phases=WITHOUT_SHRINKING)
@given(random_graphs())
def test_draws_are_architectures_and_reach_all_of_a_few(graph: Graph) -> None:
    every = set(expected(graph))
    if not every:
        with pytest.raises(ValueError, match="nothing meets"):
            Sampler(graph).draw(random.Random(0))
        return
    sampler, rng = Sampler(graph), random.Random(0)
    drawn = Counter(tuple(sampler.draw(rng).items()) for _ in range(150))
    assert set(drawn) <= every
    if len(every) <= 6:
        assert set(drawn) == every


def conditional() -> Graph:
    """`width` exists where `on` is on; at most two of five gates."""
    small = Small()
    on = small.choose("on", GATE)
    small.choose("width", WIDTHS, exists=on, default=2)
    keep = small.choose("keep", GATE, 5)
    small.require(small.op("<=", small.reduce("sum", keep), small.constant(2)))
    return small.graph()


def test_draws_are_uniform() -> None:
    graph = conditional()
    rng, sampler = random.Random(3), Sampler(graph)
    counts = Counter(tuple(sampler.draw(rng).items()) for _ in range(6400))
    assert len(counts) == (1 + 3) * (1 + 5 + 10)
    assert all(55 <= n <= 150 for n in counts.values())  # 100 each on average, standard deviation 10


def test_what_does_not_exist_makes_no_difference() -> None:
    graph = conditional()
    one = {"on": (0,), "width": (0,), "keep": (0, 0, 1, 0, 0)}
    other = {**one, "width": (1,)}
    assert exists(graph, one)["width"] == (False,)
    assert exists(graph, {**one, "on": (1,)})["width"] == (True,)
    assert fingerprint(graph, one) == fingerprint(graph, other)
    assert fingerprint(graph, {**one, "on": (1,)}) != fingerprint(graph, {**other, "on": (1,)})
    assert satisfies(graph, one)
    assert not satisfies(graph, {**one, "keep": (1, 1, 1, 0, 0)})


def test_nodes_are_evaluated_for_every_row() -> None:
    small = Small()
    width = small.choose("width", WIDTHS, 3)
    doubled = small.op("*", width, small.constant(0.5, 3))
    graph = small.graph()
    found = evaluate(graph, {"width": (0, 2, 1)}, doubled.node)
    assert np.array_equal(found, [1, 8, 4])


def test_a_draw_is_a_function_of_its_seed() -> None:
    graph = conditional()
    assert Sampler(graph).draw(random.Random(5)) == Sampler(graph).draw(random.Random(5))


def test_reals_and_subsets_stay_within_their_domains() -> None:
    small = Small()
    small.choose("rate", Domain("real", (), 0.001, 0.1, True), default=0.01)
    small.choose("some", Domain("subset", tuple("abcdef"), 2, 3), default=(0, 1))
    graph = small.graph()
    for seed in range(20):
        found = Sampler(graph).draw(random.Random(seed))
        (rate,), (some,) = found["rate"], found["some"]
        assert isinstance(rate, float)
        assert 0.001 <= rate <= 0.1
        assert isinstance(some, tuple)
        assert len(some) in (2, 3)
        assert tuple(sorted(set(some))) == some
    with pytest.raises(ValueError, match="reals"):
        list(Sampler(graph).every())


@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
@given(random_graphs(), st.randoms(use_true_random=False))
def test_what_is_fixed_is_in_every_architecture(graph: Graph, rng: random.Random) -> None:
    fixed = {
        d.name: {e: rng.choice(options(d.domain(e))) for e in range(d.elements) if rng.random() < 0.4}
        for d in graph.decisions
    }
    left = [
        one
        for one in naive(graph)
        if all(one[name][e] in (None, option) for name, own in fixed.items() for e, option in own.items())
    ]
    default = hand_made(graph)
    every = sorted(
        tuple((n, tuple(default[n][k] if c is None else c for k, c in enumerate(chosen))) for n, chosen in one.items())
        for one in left
    )
    sampler = Sampler(graph, fixed)
    assert sampler.total() == len(every)
    assert sampler.feasible() == bool(every)
    assert sorted(tuple(a.items()) for a in sampler.every()) == every
    if every:
        assert tuple(sampler.draw(rng).items()) in every


def wishes_of(decision: Decision, rng: random.Random) -> tuple[Wish, ...]:
    found = []
    for element in range(decision.elements):
        every = options(decision.domain(element))
        if decision.domain(element).kind == "subset":
            best = rng.choice(every)
            others = [m for m in range(len(decision.domain(element).options)) if m not in best]
            found.append(Wish((best,), rng.random(), (*best, *rng.sample(others, len(others)))))
        else:
            found.append(Wish(tuple(rng.sample(every, len(every))), rng.random()))
    return tuple(found)


@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
@given(random_graphs(), st.randoms(use_true_random=False))
def test_the_nearest_architecture_is_one_and_is_the_wish_where_that_is_one(graph: Graph, rng: random.Random) -> None:
    every = expected(graph)
    wishes = {d.name: wishes_of(d, rng) for d in graph.decisions}
    if not every:
        with pytest.raises(ValueError, match="nothing meets"):
            nearest(Sampler(graph), wishes)
        return
    found = nearest(Sampler(graph), wishes)
    assert tuple(found.items()) in every
    wish = {name: tuple(w.ranking[0] for w in own) for name, own in wishes.items()}
    if satisfies(graph, wish):
        assert found == canonical(graph, wish)


@pytest.mark.parametrize("most", [0, 3, 20])
def test_under_a_bound_the_largest_stay(most: int) -> None:
    small = Small()
    keep = small.choose("keep", GATE, 40)
    small.require(small.op("<=", small.reduce("sum", keep), small.constant(most)))
    rng = random.Random(7)
    weights = [rng.gauss(0, 1) for _ in range(40)]
    wishes = tuple(Wish((int(w > 0), int(w <= 0)), abs(w)) for w in weights)
    found = nearest(Sampler(small.graph()), {"keep": wishes})
    largest = sorted((w for w in weights if w > 0), reverse=True)[:most]
    assert {w for w, option in zip(weights, found["keep"], strict=True) if option} == set(largest)


@settings(max_examples=25, deadline=None, phases=WITHOUT_SHRINKING)
@given(random_graphs(), st.randoms(use_true_random=False))
def test_a_wish_is_met_as_far_as_the_requirements_let_it(graph: Graph, rng: random.Random) -> None:
    """Always one of the architectures; a wish that is one comes true."""
    every = expected(graph)
    sampler = Sampler(graph)
    wish = {d.name: tuple(rng.choice(options(d.domain(e))) for e in range(d.elements)) for d in graph.decisions}
    if not every:
        with pytest.raises(ValueError, match="nothing meets"):
            sampler.toward(wish, rng)
        return
    found = sampler.toward(wish, rng)
    assert tuple(found.items()) in every
    if satisfies(graph, wish):
        assert found == canonical(graph, wish)


def bounded(count: int, most: int, relation: str = "<=") -> Graph:
    small = Small()
    keep = small.choose("keep", GATE, count)
    small.require(small.op(relation, small.reduce("sum", keep), small.constant(most)))
    return small.graph()


def test_no_wish_comes_first_because_of_its_place() -> None:
    """Three of ten may be on and all are wished for: each is among them as often as the others."""
    sampler, rng = Sampler(bounded(10, 3)), random.Random(2)
    counts = np.zeros(10)
    for _ in range(2000):
        (chosen,) = (sampler.toward({"keep": (1,) * 10}, rng)["keep"],)
        assert sum(chosen) == 3  # as many as the requirement lets be
        counts += chosen
    assert (abs(counts - 600) < 90).all()  # standard deviation 20


@pytest.mark.parametrize("relation", ["<=", ">=", "==", "!="])
def test_draws_of_many_gates_walk_where_they_have_walked(relation: str) -> None:
    """What a draw works out once serves those after it, and they are as even as the first."""
    graph = bounded(8, 2, relation)
    met = {"<=": 1 + 8 + 28, ">=": 256 - 9, "==": 28, "!=": 256 - 28}[relation]
    sampler, rng = Sampler(graph), random.Random(4)
    counts = Counter(sampler.draw(rng)["keep"] for _ in range(met * 100))
    assert len(counts) == met
    assert all(50 <= n <= 160 for n in counts.values())
    assert [Sampler(graph).draw(random.Random(s)) for s in range(5)] == [
        sampler.draw(random.Random(s)) for s in range(5)
    ]

"""Evolution: who survives and who becomes a parent, children that meet requirements, and what guides mutations."""

import math
import random
from collections import Counter

import by_hand
import numpy as np
import pytest
from small_graphs import Small
from stage_by_hand import context, ended, started

from recspace.compiler.architectures import canonical, satisfies
from recspace.compiler.decisions import Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import guides
from recspace.runtime.choices import Fixed
from recspace.runtime.draws import Draws
from recspace.runtime.evolving import Evolution, Judged, Plan, parent, survivors
from recspace.runtime.strategies import evolution

NONE = Fixed((), {})
PLAN = Plan(4, 0, (0.0, 1.0, 0.0), 1, 1, 1, 0.0)


def judged(*scores, costs=()):
    return [Judged({"k": (k,)}, s, costs[k] if costs else 0.0) for k, s in enumerate(scores)]


def who(found):
    return [one.architecture["k"][0] for one in found]


def test_survivors_weigh_age_rank_and_complexity():
    """Equation 38, by hand: of five with q = 4 the first is too old; ages 3 2 1 0, ranks 0 3 1 2, costs 3 0 2 1."""
    history = judged(9.0, 5.0, 1.0, 4.0, 2.0, costs=(0, 40, 10, 30, 20))
    by = lambda *mu: who(survivors(history, Plan(2, 4, mu, 1, 1, 1, 0.0)))  # noqa: E731
    assert sorted(by(0, 1, 0)) == [1, 3]
    assert sorted(by(1, 0, 0)) == [3, 4]
    assert sorted(by(0, 0, 1)) == [2, 4]
    assert by(1, 1, 0) == [4, 3]  # 3 + 0, 2 + 3, 1 + 1, 0 + 2; the worst first
    assert who(survivors(history, Plan(1, 0, (0, 1, 0), 1, 1, 1, 0.0))) == [0]
    assert who(survivors([*history, Judged({"k": (5,)}, -math.inf, 0)], Plan(9, 0, (1, 0, 0), 1, 1, 1, 0.0))) == [
        2,
        4,
        3,
        1,
        0,
    ]


@pytest.mark.parametrize("power", [0, 1, 3])
def test_parents_are_drawn_by_rank(power):
    """Equation 39: C(r + λ − 1, λ) / C(p + λ, 1 + λ)."""
    ranked, rng = judged(0.1, 0.2, 0.3, 0.4), random.Random(0)
    found = Counter(who([parent(ranked, power, rng) for _ in range(20_000)]))
    total = math.comb(4 + power, 1 + power)
    for rank in range(1, 5):
        assert found[rank - 1] / 20_000 == pytest.approx(math.comb(rank + power - 1, power) / total, abs=0.015)


def space():
    """Gates of which at most two are on, a choice that exists while the first gate is on, a set and a real."""
    small = Small()
    gates = [small.choose(f"g{k}", Domain("gate", ("off", "on")), 1, default=0) for k in range(4)]
    small.choose("kind", Domain("name", ("a", "b", "c")), 1, exists=gates[0])
    small.choose("set", Domain("subset", ("x", "y", "z"), 1, 2), 1, default=(0,))
    small.choose("size", Domain("range", (0, 1, 2), 0, 2), 1)
    small.require(small.op("<=", small.reduce("sum", *gates), small.constant(2)))
    return small.graph()


def worth(architecture):
    return 3 * architecture["g1"][0] + (architecture["kind"][0] == 2) * architecture["g0"][0] + architecture["size"][0]


def run(sampler):
    for _ in range(sampler.trials):
        architecture = sampler.ask()
        sampler.tell(architecture, float(worth(architecture)))
    return sampler


@pytest.mark.parametrize("crossover", [0.0, 0.7])
def test_children_meet_requirements_and_get_better(crossover):
    graph = space()
    sampler = run(
        Evolution(Draws(graph, NONE), Plan(6, 0, (0, 1, 0), 2, 1, 1, crossover), None, lambda a: 0.0, 1, "s", 60)
    )
    every = [one.architecture for one in sampler.history]
    assert all(satisfies(graph, a) and canonical(graph, a) == a for a in every)
    assert worth(sampler.best()) == 6  # g1, g0 with its third kind, size 2
    chance = Draws(graph, NONE)
    assert sum(map(worth, every[6:])) / 54 > sum(worth(chance.at(9, "s", k)) for k in range(200)) / 200 + 0.5
    assert min(worth(one.architecture) for one in survivors(sampler.history, PLAN)) >= 5
    assert len({repr(a) for a in every}) > 50
    again = run(
        Evolution(Draws(graph, NONE), Plan(6, 0, (0, 1, 0), 2, 1, 1, crossover), None, lambda a: 0.0, 1, "s", 60)
    )
    assert [one.architecture for one in again.history] == every


def test_what_is_fixed_is_never_mutated():
    graph = space()
    fixed = Fixed(graph.decisions, {"g2": {0: 1}, "size": {0: 1}})
    sampler = run(
        Evolution(Draws(graph, fixed), Plan(4, 8, (1, 0.1, 0.1), 1, 2, 2, 0.3), None, lambda a: 0.0, 0, "s", 30)
    )
    assert all(one.architecture["g2"] == (1,) and one.architecture["size"] == (1,) for one in sampler.history)


def test_going_on_with_a_population_is_the_same():
    graph = space()
    made = lambda: Evolution(Draws(graph, NONE), PLAN, guides.lambdarank, lambda a: 1.0, 5, "s", 40)  # noqa: E731
    straight = run(made())
    first, second = made(), made()
    first.trials = 17
    second.restore(run(first).state())
    assert second.asked == 17
    for _ in range(23):
        architecture = second.ask()
        second.tell(architecture, float(worth(architecture)))
    assert [one.architecture for one in second.history] == [one.architecture for one in straight.history]


def test_features_tell_what_is_not_there():
    graph = space()
    architecture = {"g0": (0,), "g1": (1,), "g2": (0,), "g3": (0,), "kind": (0,), "set": ((0, 2),), "size": (2,)}
    found = dict(
        zip(["g0", "g1", "g2", "g3", "kind", "x", "y", "z", "size"], guides.features(graph, architecture), strict=True)
    )
    assert np.isnan(found.pop("kind"))
    assert found == {"g0": 0, "g1": 1, "g2": 0, "g3": 0, "x": 1, "y": 0, "z": 1, "size": 2}


def test_a_guide_picks_what_was_good_so_far():
    graph, rng = space(), random.Random(0)
    draws = Evolution(Draws(graph, NONE), PLAN, None, lambda a: 0.0, 3, "s", 200)
    told = [(a, float(worth(a))) for a in (draws.ask() for _ in range(4))]
    draws._plan = Plan(10_000, 0, (0, 1, 0), 1, 1, 1, 0.0)
    told += [(a, float(worth(a))) for a in (draws.ask() for _ in range(80))]
    wins = 0
    for seed in range(10):
        children = [a for a, _ in rng.sample(told, 12)]
        picked = guides.lambdarank(graph, told[:60], children, seed)
        assert picked == guides.lambdarank(graph, told[:60], children, seed)
        wins += worth(children[picked]) >= sorted(map(worth, children))[-3]
    assert wins >= 9
    assert guides.lambdarank(graph, told[:5], [a for a, _ in told[:3]], 0) == 0


def test_a_missing_package_and_odd_weights_are_told(monkeypatch):
    graph = by_hand.graph_of(by_hand.DIM)
    with pytest.raises(SpaceError, match="S0672"):
        evolution.foresee(graph, by_hand.call("evolution(survival = [1, 0.1])"), NONE)
    guided = by_hand.call("evolution(guide = lambdarank, survival = [1, 0.1, 0.1])")
    evolution.foresee(graph, guided, NONE)
    monkeypatch.setattr(guides, "find_spec", lambda name: None)
    with pytest.raises(SpaceError, match=r"S0671.*LightGBM"):
        evolution.foresee(graph, guided, NONE)


def test_less_data_is_less_training():
    place = context(factory=by_hand.dim)
    whole, part = (started(f"evolution(trials = 2, batch_size = 32{s})", place) for s in ("", ", share = 0.25"))
    steps = place.examples.train.numel() / 32
    assert whole.steps == 2 * (1 + math.ceil(steps))
    assert part.steps == 2 * (1 + math.ceil(steps / 4))
    ended(part)
    assert part._training.examples.valid.numel() == place.examples.valid.numel()
    assert set(part._training.examples.train.tolist()) < set(place.examples.train.tolist())


def test_children_inherit_shared_weights():
    place = context(
        ended(started("one_shot(samples = 1, epochs = 1)", context(factory=by_hand.dim))).found(), factory=by_hand.dim
    )
    task = ended(started("evolution(trials = 4, population = 2, evaluate = inherited)", place))
    assert task.steps == 4
    assert task._supernet is None
    assert len({t["goodness"] for t in task.trials}) > 1
    tuned = ended(
        started("evolution(trials = 4, population = 2, evaluate = inherited, finetune = 2, batch_size = 128)", place)
    )
    assert tuned.steps == 12
    assert tuned.trials[0]["goodness"] != task.trials[0]["goodness"]

"""Several budgets from one sampler: whose turn it is keeps to its budget, however tight, and goes on to the same proposals."""

from dataclasses import dataclass

import numpy as np
import pytest
from small_graphs import Small

from recspace.compiler.decisions import Domain
from recspace.runtime import guides
from recspace.runtime.choices import Fixed
from recspace.runtime.draws import Draws
from recspace.runtime.evolving import Evolution, Plan
from recspace.runtime.samplers import Uniform
from recspace.runtime.studies import Nsga2, Tpe
from recspace.runtime.turns import Turns

GATES = 40
MOST = (1, 4, 30)


@dataclass(frozen=True)
class Bound:
    most: int


@dataclass(frozen=True)
class Purse:
    """Every gate that is on costs 1."""

    most: int

    @property
    def bounds(self):
        return (Bound(self.most),)

    def spent(self, architecture):
        return (sum(architecture["g"]),)

    def met(self, architecture):
        return self.spent(architecture)[0] <= self.most


def graph():
    small = Small()
    small.choose("g", Domain("gate", ("off", "on")), GATES, default=0)
    return small.graph()


GRAPH = graph()
PLAN = Plan(4, 0, (0, 1, 0), 1, 6, 1, 0.5)
SAMPLERS = {
    "random": lambda draws, stage: Uniform(draws, 0, stage, 30),
    "tpe": lambda draws, stage: Tpe(draws, 0, stage, 30, 4),
    "nsga2": lambda draws, stage: Nsga2(draws, 0, stage, 30, 4),
    "evolution": lambda draws, stage: Evolution(draws, PLAN, guides.estimator, lambda a: 0.0, 0, stage, 30),
}


def made(name):
    draws = [Draws(GRAPH, Fixed((), {}), Purse(most)) for most in MOST]
    return Turns([SAMPLERS[name](own, f"s/{k}") for k, own in enumerate(draws)], [Purse(most) for most in MOST])


def score(architecture):
    """The first ten gates are worth something, each more than the next."""
    return sum(on * (10 - k) for k, on in enumerate(architecture["g"][:10]))


def told(sampler, count):
    found = []
    for _ in range(count):
        found.append(sampler.ask())
        sampler.tell(found[-1], float(score(found[-1])))
    return found


@pytest.mark.parametrize("name", SAMPLERS)
def test_whose_turn_it_is_keeps_to_its_budget(name):
    sampler = made(name)
    found = told(sampler, 30)
    for k, architecture in enumerate(found):
        assert Purse(MOST[k % 3]).met(architecture)
    assert max(sum(a["g"]) for a in found[2::3]) > MOST[1]  # who may spend more does
    assert score(sampler.best()) == max(map(score, found))
    half, again = made(name), made(name)
    assert told(half, 11) == found[:11]
    pending = half.ask()
    again.restore(half.state())
    again.tell(pending, float(score(pending)))
    assert [pending, *told(again, 18)] == found[11:]


def test_random_draws_nothing_that_another_budget_has_judged():
    draws = [Draws(GRAPH, Fixed((), {}), Purse(1)) for _ in range(2)]  # of 41 architectures
    found = told(Turns([Uniform(own, 0, f"s/{k}", 30) for k, own in enumerate(draws)], [Purse(1)] * 2), 30)
    assert len({a["g"] for a in found}) == 30


def test_a_guide_learns_from_all_budgets():
    sampler = made("evolution")
    told(sampler, 12)
    small, _, large = sampler._samplers
    assert len(large.history) == 12
    assert not large.beyond
    assert len(small.history) + len(small.beyond) == 12
    assert small.beyond


def test_the_estimator_ranks_what_it_has_not_seen():
    rng = np.random.default_rng(0)
    drawn = [{"g": tuple(rng.integers(0, 2, GATES).tolist())} for _ in range(160)]
    known = [(a, float(score(a))) for a in drawn[:120]]
    places = []
    for k in range(10):
        children = drawn[120 + 4 * k : 124 + 4 * k]
        picked = guides.estimator(GRAPH, known, children, k)
        assert picked == guides.estimator(GRAPH, known, children, k)
        places.append(sum(score(c) > score(children[picked]) for c in children))
    assert np.mean(places) < 0.7  # by chance 1.5
    assert guides.estimator(GRAPH, known[:5], drawn[:3], 0) == 0

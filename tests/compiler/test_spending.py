"""What a budget buys, against all architectures tried one by one."""

import itertools

import numpy as np
import pytest
from generate import program_of
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.compiler.architectures import hand_made
from recspace.compiler.budgets import Purse
from recspace.compiler.compile import check
from recspace.compiler.spending import Choosable, best_options, cheapest, ranked_gates
from recspace.runtime.registry import promises

from .test_agreement import IDS

WIDTHS = """space S
choose dim[f in fields] from {1, 2, 4}
let e[f in fields] = align[f](embed(f, dim[f]), 4)
predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
require parameters(e) <= BOUND
"""
GATES = """space S
choose keep[f in fields, k in 1..2] from {off, on}
let e[f in fields] = embed(f, 2) * keep[f, :]
predict sigmoid(sum(sum(e[f]) for f in fields))
minimize logloss
require parameters(e) <= BOUND
"""
BOTH = WIDTHS + "require memory() <= 470\n"


def purse_of(text):
    graph = check(program_of(text), IDS, promises()).graph
    assert graph is not None
    return Purse(graph, IDS, promises())


@given(bound=st.integers(60, 130), seed=st.integers(0, 9), both=st.booleans())
@settings(deadline=None, max_examples=8)
def test_the_best_widths_that_a_budget_buys(bound, seed, both):
    purse = purse_of((BOTH if both else WIDTHS).replace("BOUND", str(bound)))
    (decision,) = purse.graph.decisions
    scores = np.random.default_rng(seed).normal(size=(decision.elements, 3))
    worth = lambda options: sum(scores[e, o] for e, o in enumerate(options))  # noqa: E731
    every = [{"dim": options} for options in itertools.product(range(3), repeat=decision.elements)]
    affordable = [worth(a["dim"]) for a in every if purse.met(a)]
    choosable = [Choosable(("dim", e), scores[e].tolist()) for e in range(decision.elements)]
    found = best_options(purse, hand_made(purse.graph), choosable)
    if not affordable:
        assert found is None
    else:
        assert purse.met(found)
        assert worth(found["dim"]) == pytest.approx(max(affordable))


@pytest.mark.parametrize("bound", [0, 1, 3, 5, 9, 28])
def test_gates_are_open_by_rank_as_many_as_fit(bound):
    purse = purse_of(GATES.replace("BOUND", str(bound)))
    (decision,) = purse.graph.decisions
    rank = np.random.default_rng(bound).permutation(decision.elements)

    def at(ranks):
        on = np.zeros(decision.elements, dtype=int)
        on[rank[list(ranks)]] = 1
        return {"keep": tuple(on.tolist())}

    expected, spent = [], 0
    for k in range(decision.elements):
        price = purse.spent(at([k]))[0]
        if spent + price <= bound:
            expected.append(k)
            spent += price
    assert sorted(ranked_gates(purse, at, decision.elements)) == expected


def test_the_cheapest_and_what_is_out_of_reach():
    purse = purse_of(WIDTHS.replace("BOUND", "10"))
    (decision,) = purse.graph.decisions
    found = cheapest(purse, hand_made(purse.graph), purse.graph.decisions, frozenset())
    assert found["dim"] == (0,) * decision.elements
    held = cheapest(
        purse, {"dim": (2, *(0,) * (decision.elements - 1))}, purse.graph.decisions, frozenset({("dim", 0)})
    )
    assert held["dim"][0] == 2

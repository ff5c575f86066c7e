"""Samplers that learn from their trials: what they propose, what they learn, and how they are gone on with."""

import json
import math
import random

import by_hand
import numpy as np
import pytest
from small_graphs import GATE, Small, naive

from recspace.compiler.architectures import canonical, hand_made, satisfies
from recspace.compiler.decisions import Decision, Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.dsl.source import Source, Span
from recspace.runtime.choices import Fixed
from recspace.runtime.covariance import CmaEs
from recspace.runtime.draws import Draws
from recspace.runtime.fronts import dominates, front, knee, layers
from recspace.runtime.genes import Genes
from recspace.runtime.halving import Halving
from recspace.runtime.parzen import ABSENT, Kernels
from recspace.runtime.samplers import Uniform
from recspace.runtime.studies import Nsga2, Tpe

PLACE = Span(Source("recipe", "cmaes()"), 0, 7)
WIDTHS = Domain("number", (16, 2, 8))


def make(name, graph, trials=30, fixed=None):
    draws = Draws(graph, Fixed(graph.decisions, fixed or {}))
    match name:
        case "random":
            return Uniform(draws, 3, "0.random", trials)
        case "tpe":
            return Tpe(draws, 3, "0.tpe", trials, startup=4)
        case "nsga2":
            return Nsga2(draws, 3, "0.nsga2", trials, population=4)
        case "cmaes":
            return CmaEs(draws, 3, "0.cmaes", trials, 0.3, PLACE)


def mixed():
    """Gates of which three may be on, a width that exists with a gate, an activation, a real and a set."""
    small = Small()
    on = small.choose("on", GATE)
    small.choose("width", WIDTHS, exists=on, default=2)
    keep = small.choose("keep", GATE, 6)
    small.require(small.op("<=", small.reduce("sum", keep), small.constant(3)))
    small.choose("act", Domain("name", ("relu", "tanh", "gelu")))
    small.choose("rate", Domain("real", (), 0.001, 0.1, True), default=0.01)
    small.choose("some", Domain("subset", tuple("abcd"), 1, 2), default=(0,))
    return small.graph()


def ordered():
    """What `cmaes` can move: two widths whose sum is bounded, a depth and a real."""
    small = Small()
    one, two = small.choose("one", WIDTHS), small.choose("two", WIDTHS)
    small.require(small.op("<=", small.op("+", one, two), small.constant(18)))
    small.choose("depth", Domain("range", (), 1, 5))
    small.choose("rate", Domain("real", (), 0.0, 1.0), default=0.5)
    return small.graph()


def small_one():
    """Two of four gates and a width: 6 · 3 architectures."""
    small = Small()
    keep = small.choose("keep", GATE, 4)
    small.require(small.op("==", small.reduce("sum", keep), small.constant(2)))
    small.choose("width", WIDTHS)
    return small.graph()


def many(elements=60):
    small = Small()
    keep = small.choose("keep", GATE, elements)
    small.require(small.op("<=", small.reduce("sum", keep), small.constant(elements // 10)))
    small.choose("width", WIDTHS, 3)
    return small.graph()


CASES = [("random", mixed), ("tpe", mixed), ("nsga2", mixed), ("cmaes", ordered), ("tpe", many), ("nsga2", many)]
IDS = [f"{name}-{space.__name__}" for name, space in CASES]


def worth(architecture):
    """Any function of an architecture; a failure now and then."""
    at = random.Random(repr(sorted(architecture.items())))
    return -math.inf if at.random() < 0.1 else at.random()


@pytest.mark.parametrize(("name", "space"), CASES, ids=IDS)
def test_proposals_meet_the_requirements_and_are_new(name, space):
    graph = space()
    fixed = {"depth": {0: 2}} if space is ordered else {"width": {0: 1}}
    sampler = make(name, graph, fixed=fixed)
    seen = []
    for _ in range(sampler.trials):
        architecture = sampler.ask()
        assert satisfies(graph, architecture)
        assert canonical(graph, architecture) == dict(architecture)
        ((own, settled),) = fixed.items()
        if own != "width" or architecture.get("on", (1,)) == (1,):
            assert architecture[own][0] == settled[0]
        seen.append(sampler_key(sampler, graph, architecture))
        sampler.tell(architecture, worth(architecture))
    assert len(set(seen)) == len(seen)
    told = [worth(a) for a in (sampler.best(),)]
    assert told[0] > -math.inf


def sampler_key(sampler, graph, architecture):
    return Draws(graph, Fixed(graph.decisions, {})).key(architecture)


@pytest.mark.parametrize(("name", "space"), CASES, ids=IDS)
@pytest.mark.parametrize("cut", [0, 3, 11])
@pytest.mark.parametrize("asked", [False, True])
def test_going_on_from_a_state_proposes_the_same(name, space, cut, asked):
    """Between two trials, and while one is under way."""
    graph = space()
    straight = make(name, graph, trials=14)
    proposed = []
    state = None
    for k in range(straight.trials):
        if k == cut and not asked:
            state = straight.state()
        proposed.append(straight.ask())
        if k == cut and asked:
            state = straight.state()
        straight.tell(proposed[-1], worth(proposed[-1]))
    again = make(name, graph, trials=14)
    again.restore(type(state)(state.tensors, json.loads(json.dumps(dict(state.facts)))))
    if asked:
        again.tell(proposed[cut], worth(proposed[cut]))
    for expected in proposed[cut + asked :]:
        assert again.ask() == expected
        again.tell(expected, worth(expected))
    assert again.best() == straight.best()


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2"])
def test_a_small_space_is_tried_whole_and_no_further(name):
    graph = small_one()
    sampler = make(name, graph, trials=100)
    assert sampler.trials == len(list(naive(graph))) == 18
    found = set()
    for _ in range(18):
        architecture = sampler.ask()
        found.add(tuple(architecture.items()))
        sampler.tell(architecture, worth(architecture))
    assert len(found) == 18


def best_of(name, graph, trials, score):
    sampler = make(name, graph, trials)
    for _ in range(sampler.trials):
        architecture = sampler.ask()
        sampler.tell(architecture, score(architecture))
    return score(sampler.best())


def test_samplers_learn_from_their_trials():
    """What is best of the same number of trials, against drawing: a planted set of gates; a point of an ordered space."""
    graph = many()
    wanted = set(range(0, 60, 12))

    def planted(architecture):
        on = {k for k, gate in enumerate(architecture["keep"]) if gate}
        return len(on & wanted) - 0.5 * len(on - wanted) + 0.1 * sum(architecture["width"])

    drawn = best_of("random", graph, 150, planted)
    assert best_of("tpe", graph, 90, planted) > drawn + 0.5
    assert best_of("nsga2", graph, 150, planted) > drawn + 0.5
    few = small_of_reals()
    near = lambda a: -sum((x - 0.7) ** 2 for x in a["rate"])  # noqa: E731
    drawn = best_of("random", few, 120, near)
    for name in ("tpe", "cmaes"):
        assert best_of(name, few, 120, near) > drawn / 4, name


def small_of_reals():
    small = Small()
    small.choose("rate", Domain("real", (), 0.0, 1.0), 5, default=0.5)
    return small.graph()


def test_genes_are_read_and_written():
    graph = mixed()
    genes, rest = Genes(graph.decisions, Fixed(graph.decisions, {"keep": {0: 1}})), hand_made(graph)
    draws = Draws(graph, Fixed(graph.decisions, {}))
    assert [len(f.counts) for f in genes.families] == [1, 1, 5, 1, 1, 4]
    for k in range(20):
        architecture = draws.at(k)
        again = genes.wish(genes.read(architecture), {**rest, "keep": architecture["keep"]})
        assert again.pop("rate")[0] == pytest.approx(architecture["rate"][0])
        assert again == {n: o for n, o in architecture.items() if n != "rate"}
    # A grid rises with its values, whatever the order of the text.
    read = {a: int(genes.read({**architecture, "width": (a,)})["width"][0]) for a in range(3)}
    assert read == {0: 2, 1: 0, 2: 1}


def test_many_genes_are_grouped_and_few_are_not():
    for graph, expected in ((many(20), {"keep": False, "width": False}), (many(300), {"keep": True, "width": False})):
        genes = Genes(graph.decisions, Fixed(graph.decisions, {}))
        assert {f.name: f.grouped for f in genes.families} == expected


def test_kernels_are_those_of_optuna():
    """Categorical genes that always exist: the same densities as Optuna's estimator, and draws that follow them."""
    from optuna.distributions import CategoricalDistribution
    from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
    from optuna.samplers._tpe.sampler import default_weights

    rng = np.random.default_rng(0)
    counts = np.array([2, 3, 4])
    genes_TG = rng.integers(counts, size=(7, 3))
    space = {str(k): CategoricalDistribution(tuple(range(n))) for k, n in enumerate(counts)}
    parameters = _ParzenEstimatorParameters(
        prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
    )
    theirs = _ParzenEstimator({str(k): genes_TG[:, k].astype(float) for k in range(3)}, space, parameters)
    ours = Kernels(genes_TG, counts)
    every = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3)
    expected = theirs.log_pdf({str(k): every[:, k] for k in range(3)})
    np.testing.assert_allclose(ours.log_density(every), expected)
    assert np.exp(expected).sum() == pytest.approx(1)
    drawn = ours.draw(rng, 40_000)
    shares = [(drawn == row).all(1).mean() for row in every]
    np.testing.assert_allclose(shares, np.exp(expected), atol=0.01)


def test_kernels_say_nothing_of_what_did_not_exist():
    counts = np.array([2, 2])
    kernels = Kernels(np.array([[1, ABSENT]]), counts)
    density = np.exp(kernels.log_density(np.array([[1, 0], [1, 1], [0, 0]])))
    assert density[0] == density[1] > density[2]
    assert 2 * density[0] + 2 * density[2] == pytest.approx(1)


def test_fronts():
    scores = [(1, 5), (2, 4), (2, 3), (5, 1), (4, 4), (1, 5)]
    assert front(scores) == [0, 3, 4, 5]
    assert layers(scores) == [0, 1, 2, 0, 0, 0]
    assert layers([(3,), (1,), (3,), (2,)]) == [0, 2, 0, 1]
    assert knee([scores[k] for k in front(scores)]) == 2
    assert dominates((2, 2), (2, 1))
    assert not dominates((2, 2), (2, 2))


def test_several_objectives_find_the_front():
    """Many gates that are worth something and cost something: the best of a budget, for small and large budgets."""
    small = Small()
    small.choose("keep", GATE, 12)
    graph = small.graph()
    value = [2.0 ** -(k % 6) for k in range(12)]

    def scores(architecture):
        return sum(v for v, on in zip(value, architecture["keep"], strict=True) if on), -float(
            sum(architecture["keep"])
        )

    draws = Draws(graph, Fixed(graph.decisions, {}))
    covered = {}
    for name, sampler in (
        ("nsga2", Nsga2(draws, 0, "s", 100, population=16, objectives=2)),
        ("tpe", Tpe(draws, 0, "s", 60, startup=20, objectives=2)),
        ("random", None),
    ):
        told = []
        for k in range(100 if sampler is None else sampler.trials):
            architecture = draws.at(0, k) if sampler is None else sampler.ask()
            told.append(scores(architecture))
            if sampler is not None:
                sampler.tell(architecture, told[-1][0], told[-1][1:])
        best = [max((v for v, c in told if -c <= most), default=0) for most in range(1, 9)]
        covered[name] = sum(best)
    assert covered["nsga2"] > covered["random"] * 1.05
    assert covered["tpe"] > covered["random"] * 1.05


@pytest.mark.parametrize("factor", [2, 3])
def test_halving_stops_as_optuna_does(factor):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    halving, rng, stopped = Halving(factor, 1), random.Random(1), 0
    for number in range(30):
        trial, rungs = study.ask(), halving.rungs(number, 9)
        for epoch in range(1, 10):
            score = rng.random()
            trial.report(score, epoch)
            ours = epoch not in rungs or halving.goes_on(number, epoch, score)
            assert trial.should_prune() == (not ours)
            if not ours:
                stopped += 1
                break
        study.tell(trial, score)
    assert stopped > 15


def test_brackets_start_later_and_do_not_mix():
    halving = Halving(3, 1, brackets=2)
    assert [halving.rungs(k, 27) for k in (0, 1)] == [(1, 3, 9), (3, 9)]
    assert halving.goes_on(0, 3, 1.0)
    assert halving.goes_on(1, 3, 0.5)  # the first of its bracket
    assert not halving.goes_on(2, 3, 0.5)
    assert halving.behind(0.5, 3, (1, 3, 9)) < halving.behind(0.5, 9, (1, 3, 9)) < 0.5


def test_cmaes_notices_that_it_does_not_repeat_itself():
    graph = ordered()
    sampler = make("cmaes", graph)
    for _ in range(4):
        architecture = sampler.ask()
        sampler.tell(architecture, 0.5)
    state = sampler.state()
    state.facts["told"][2][0]["depth"] = [4 - state.facts["told"][2][0]["depth"][0]]
    with pytest.raises(SpaceError, match="S0455"):
        make("cmaes", graph).restore(state)


def test_a_decision_with_one_option_is_no_gene():
    decision = Decision("d", (), 1, ((),), (Domain("number", (8,)),))
    assert Genes((decision,), Fixed((), {})).families == ()


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("asha()", "there is none in it"),
        ("asha(random(trials = 2), tpe())", "there are several"),
        ("asha(retrain())", r"cannot stop trials of retrain\(\)"),
        ("asha(random(evaluate = inherited))", "trains nothing"),
    ],
)
def test_what_cannot_be_stopped_early_is_refused(strategy, said):
    from recspace.runtime.strategies.asha import foresee

    graph = small_one()
    with pytest.raises(SpaceError, match=f"S0456.*{said}"):
        foresee(graph, by_hand.call(strategy), Fixed(graph.decisions, {}))

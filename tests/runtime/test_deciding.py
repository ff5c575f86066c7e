"""Decisions settled: by weights, by samplers, beforehand."""

from dataclasses import replace

import by_hand
import pytest
import torch
from small_graphs import GATE, Small
from stage_by_hand import SHORT, WEIGHING, context, ended, result, started

from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.sampler import Sampler
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import fix
from recspace.runtime.choices import drawn, even, one_hot, one_hots
from recspace.runtime.derive_stage import groups, settled
from recspace.runtime.draws import Draws
from recspace.runtime.evaluation import scores
from recspace.runtime.samplers import Everything
from recspace.runtime.task import Found


def test_a_sampler_goes_on_after_a_failure():
    def sometimes(architecture, keep=frozenset()):
        compiled = by_hand.fis(architecture, keep)
        if architecture is not None and architecture["keep"][0] == 1:
            return replace(compiled, source=compiled.source.replace("return p_B, (", "return p_B, (p_B.sum() / 0, "))
        return compiled

    task = ended(started("exhaustive(batch_size = 512, epochs = 1)", context(factory=sometimes)))
    assert task.figures()["trials"] == 64
    assert task.figures()["failed"] == 32
    assert all(("not finite" in t["failed"]) == (t["architecture"]["keep"][0] == 1) for t in task.trials)
    assert task.found().architecture["keep"][0] == 0
    with pytest.raises(SpaceError, match="S0610"):
        result("random(trials = 2)", context(factory=sometimes, fixes=("keep[f0,f1]=on",)))


def test_exhaustive_finds_the_truth():
    text = "exhaustive(batch_size = 64, epochs = 12, optimizer = adam(lr = 0.03))"
    fixes = ("keep[f0,f2]=off", "keep[f0,f3]=off", "keep[f1,f2]=off", "keep[f1,f3]=off")
    found = result(text, context(encoded=by_hand.rows(3000), fixes=fixes))
    assert found.architecture["keep"] == (1, 0, 0, 0, 0, 1)
    assert not torch.equal(found.model["first"], torch.zeros_like(found.model["first"]))


def test_the_best_trial_is_the_model_that_comes_out():
    task = ended(started("exhaustive(batch_size = 256, epochs = 2, optimizer = adam(lr = 0.02))", context()))
    best = max(task.trials, key=lambda t: t["goodness"])
    found, place = task.found(), context()
    model = place.model(by_hand.fis(found.architecture))
    model.load(found.model)
    score = scores(model, place.examples, place.examples.valid, {}, 8192)
    assert score["auc"] == pytest.approx(best["goodness"], abs=1e-9)


def test_same_architectures_are_judged_once():
    def first_gate_idle(architecture, keep=frozenset()):
        alike = None if architecture is None else {"keep": (0, *architecture["keep"][1:])}
        return by_hand.fis(alike, keep)

    task = ended(started("exhaustive(batch_size = 512, epochs = 1)", context(factory=first_gate_idle)))
    scores = [t["goodness"] for t in task.trials]
    assert len(scores) == 64
    assert len(set(scores)) <= 32
    assert scores[:32] == scores[32:]


AT_MOST_TWO = Small()
AT_MOST_TWO.require(
    AT_MOST_TWO.op(
        "<=",
        AT_MOST_TWO.reduce(
            "sum",
            AT_MOST_TWO.choose(
                "keep", GATE, 6, axes=("i < j in fields",), keys=by_hand.keep_decision().keys, default=1
            ),
        ),
        AT_MOST_TWO.constant(2),
    )
)


def test_samplers_meet_requirements_and_hold_what_is_fixed():
    place = context(graph=AT_MOST_TWO.graph(), fixes=("keep[f0,f1]=on",))
    task = ended(started("exhaustive(batch_size = 512, epochs = 1)", place))
    tried = [tuple(t["architecture"]["keep"]) for t in task.trials]
    assert sorted(tried) == sorted({(1, *(int(k == e) for k in range(5))) for e in range(6)})
    task = ended(started("random(trials = 8, batch_size = 512, epochs = 1)", place))
    assert {tuple(t["architecture"]["keep"]) for t in task.trials} <= set(tried)
    drawn_alike = {tuple(Draws(place.graph, place.fixed).at(0, k)["keep"]) for k in range(200)}
    assert drawn_alike == set(tried)
    with pytest.raises(SpaceError, match=r"S0608.*nothing that meets the requirements"):
        context(graph=AT_MOST_TWO.graph(), fixes=("keep[f0,f1]=on", "keep[f0,f2]=on", "keep[f0,f3]=on"))


def test_derive_meets_requirements():
    place = context(Found(weighing=WEIGHING, raw=True), graph=AT_MOST_TWO.graph())
    task = ended(started("derive()", place))
    assert task.found().architecture["keep"] == (1, 0, 0, 0, 0, 1)
    assert task.figures()["settled_by_requirements"] == 3
    fixed = context(Found(weighing=WEIGHING, raw=True), graph=AT_MOST_TWO.graph(), fixes=("keep[f0,f3]=on",))
    assert result("derive()", fixed).architecture["keep"] == (0, 0, 1, 0, 0, 1)
    shares = Found(weighing={"keep": torch.tensor([0.6, 0.7, 0.1, 0.9, 0.2, 0.95])})
    assert result("derive()", context(shares, graph=AT_MOST_TWO.graph())).architecture["keep"] == (0, 0, 0, 1, 0, 1)


def test_inherited_scores_are_those_of_the_supernet():
    warm = result(f"warmup({SHORT}, decisions = random)")
    task = ended(started("exhaustive(evaluate = inherited)", context(warm)))
    assert len({t["goodness"] for t in task.trials}) > 32
    assert task.found().weights


def test_too_large_to_enumerate():
    with pytest.raises(SpaceError, match=r"S0609.*more than 10 architectures"):
        started("exhaustive(limit = 10)")
    sampler = Everything(Sampler(by_hand.graph_of(by_hand.DIM)), 100, None)
    asked = [sampler.ask()["dim"] for _ in range(sampler.trials)]
    assert len(set(asked)) == 16 == sampler.trials


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (1, 1, 0, 1, 1, 1)),
        ("by = magnitude, threshold = 0", (1, 1, 0, 1, 1, 1)),
        ("threshold = 0.2", (1, 1, 0, 0, 0, 1)),
        ("by = argmax", (1, 0, 0, 0, 0, 0)),
        ("by = argmax, threshold = 0.05", (1, 0, 0, 1, 0, 0)),
        ("top = 2", (1, 0, 0, 0, 0, 1)),
        ("top = 6", (1, 1, 0, 1, 1, 1)),
        ("keep = 50%", (1, 1, 0, 0, 0, 1)),
        ("top = 1, per = i", (1, 0, 0, 1, 0, 1)),
        ("by = argmax, top = 1, per = j", (1, 0, 1, 1, 0, 0)),
    ],
)
def test_derive_gates(options, expected):
    found = result(f"derive({options})", context(Found(weighing=WEIGHING, raw=True)))
    assert found.architecture["keep"] == expected
    assert not found.gates


def test_derive_shares_open_above_one_half():
    shares = {"keep": torch.tensor([0.6, 0.4, 0.51, 0.5, 0.0, 1.0])}
    assert result("derive()", context(Found(weighing=shares))).architecture["keep"] == (1, 0, 1, 0, 0, 1)


def test_derive_soft_keeps_weights():
    found = result("derive(soft = true, threshold = 0.2)", context(Found(weighing=WEIGHING, raw=True)))
    torch.testing.assert_close(found.gates["keep"], torch.tensor([0.9, -0.4, 0.0, 0.0, 0.0, -2.0]))


def test_derive_takes_the_largest_that_exists():
    uneven = Decision(
        "d", ("f in fields",), 2, (("a",), ("b",)), (Domain("number", (2, 4)), Domain("number", (2, 4, 8))), (0, 1)
    )
    assert settled(uneven, torch.tensor([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]]), {}, False) == (1, 2)
    some = Decision("s", (), 1, ((),), (Domain("subset", ("a", "b", "c", "d"), 1, 2),))
    assert settled(some, torch.tensor([[0.1, 0.9, 0.6, 0.7]]), {}, False) == ((1, 3),)
    assert settled(some, torch.tensor([[0.1, 0.2, 0.3, 0.0]]), {}, False) == ((2,),)


def test_per_an_index():
    assert [list(g) for g in groups(by_hand.keep_decision(), "i")] == [[0, 1, 2], [3, 4], [5]]
    assert [list(g) for g in groups(by_hand.keep_decision(), "q")] == [[0, 1, 2, 3, 4, 5]]


def test_fixed_elements_stay():
    place = context(fixes=("keep[f1,f0]=off", "keep[f2,f3] = on"))
    found = result(f"relax(as = gate, {SHORT})", place)
    assert found.weighing["keep"][[0, 5]].tolist() == [0.0, 1.0]
    assert (found.weighing["keep"][1:5] != 0).all()
    settled_at = result("derive(top = 0)", replace(place, found=found)).architecture["keep"]
    assert settled_at == (0, 0, 0, 0, 0, 1)
    assert result("train(epochs = 1)", place).architecture["keep"] == (0, 1, 1, 1, 1, 1)
    whole = context(fixes=("keep=off",))
    assert result("train(epochs = 1)", whole).architecture["keep"] == (0,) * 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keep", "fixes no decision"),
        ("kep=on", "did you mean `keep`"),
        ("keep[f0,f9]=on", "no element of keep"),
        ("keep[f0,f1]=maybe", "no option of keep"),
        ("dim=3", "no option of dim"),
    ],
)
def test_fixes_that_fix_nothing(text, says):
    with pytest.raises(SpaceError) as error:
        fix.parsed([text], by_hand.graph_of(by_hand.keep_decision(), by_hand.DIM))
    (fault,) = error.value.diagnostics
    assert fault.code == "S0608"
    assert says in fault.message + fault.help
    assert fault.span.text in text


def test_choices():
    keep = by_hand.keep_decision()
    assert one_hot(keep, (1, 0, 1, 0, 0, 1)).tolist() == [1, 0, 1, 0, 0, 1]
    assert one_hot(by_hand.DIM, (0, 1, 1, 0)).tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert even(keep).tolist() == [0.5] * 6
    assert even(by_hand.DIM).tolist() == [[0.5, 0.5]] * 4
    assert keep.hand_made == (1,) * 6
    many = [drawn((keep, by_hand.DIM), 0, k) for k in range(400)]
    assert many[3] == drawn((keep, by_hand.DIM), 0, 3)
    share = sum(torch.stack([one_hots((keep,), m)["keep"] for m in many])) / 400
    assert ((share - 0.5).abs() < 0.1).all()

"""progressive(along = …): order after order, what was learned before held, what comes later not there."""

import by_hand
import pytest
import torch
from stage_by_hand import SHORT, context, ended, same, started

from recspace.compiler.decisions import Decision, Domain, Factors
from recspace.runtime.choices import tensors_of
from recspace.runtime.plan import obstacles, planned
from recspace.runtime.references import values_of
from recspace.runtime.registry import promises

STEP = f"relax(as = gate, {SHORT})"
TEXT = f"progressive(along = i, step = {STEP})"
"""Along the first field of a pair: f0 has three pairs, f1 two, f2 one."""


def gates(task):
    return tensors_of(task.fit.choosing.settled())["keep"]


def test_one_value_after_the_other():
    task = started(TEXT)
    each = task.fit.steps
    assert task.steps == 3 * each
    seen, weights = [], []
    for step in range(3 * each):
        task.step()
        assert task.at == step + 1
        if task.fit.ended:
            seen.append(gates(task))
            weights.append(task.fit.model.tensors["table"].clone())
    assert task.done
    first, second, third = seen
    # f0,f1 f0,f2 f0,f3 | f1,f2 f1,f3 | f2,f3
    assert (first[:3] != 0).all()
    assert (first[3:] == 0).all()
    assert torch.equal(second[:3], first[:3])
    assert (second[3:5] != 0).all()
    assert second[5] == 0
    assert torch.equal(third[:5], second[:5])
    assert third[5] != 0
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    found = task.found()
    assert torch.equal(found.weighing["keep"], third)
    assert torch.equal(found.weights["table"], weights[2])
    assert found.raw
    assert task.figures() == {"epochs": 6, "best_epoch": 6, "steps": 3 * each, "along": ["f0", "f1", "f2"]}


def test_weights_go_on_where_they_were():
    """The next step starts from the weights that the last one left, not from the start of the model."""
    task = started(TEXT.replace("as = gate", "as = gate, weights = adam(lr = 0.1)"))
    start = task.fit.model.tensors["table"].clone()
    while not task.fit.ended:
        task.step()
    left = task.fit.model.tensors["table"].clone()
    task.step()
    moved = (task.fit.model.tensors["table"] - left).abs().max()
    assert 0 < moved < 0.11 < (left - start).abs().max()  # one step of Adam, and all those before


def test_momentum_and_decay_leave_what_is_held_alone():
    """GRDA and weight decay move what has no gradient; held gates keep their bits all the same."""
    text = TEXT.replace("as = gate", "as = gate, optimizer = adam(lr = 0.1, weight_decay = 1)")
    task = started(text)
    while not task.fit.ended:
        task.step()
    before = gates(task)
    ended(task)
    assert torch.equal(gates(task)[:3], before[:3])


@pytest.mark.parametrize("share", [0.0, 0.2, 1 / 3, 0.34, 0.6, 2 / 3, 0.99])
def test_going_on_from_any_step(share):
    straight = ended(started(TEXT))
    task = started(TEXT)
    steps = round(share * task.steps)
    for _ in range(steps):
        task.step()
    state = task.state()
    again = started(TEXT)
    again.restore(state)
    assert again.at == steps
    assert same(ended(again).found(), straight.found())
    assert again.figures() == straight.figures()


def test_hurried_what_had_no_turn_stays_out():
    task = started(TEXT)
    while not task.fit.ended:
        task.step()
    task.step()
    task.hurry()
    assert task.done
    assert task.found().weighing["keep"][5] == 0
    again = started(TEXT)
    again.restore(task.state())
    assert again.done


SETTLED = f"progressive(along = i, held = settled, step = relax(as = sigmoid, temperature = 1.0 -> 0.1, {SHORT}))"


@pytest.mark.parametrize(
    "relaxation", ["sigmoid, temperature = 1.0 -> 0.1", "hard_concrete, initial = 0.1, spread = 0.5"]
)
def test_earlier_values_are_settled_while_the_next_is_learned(relaxation):
    """Exactly 0 or 1, as one half divides what they were left at, in every step; without the option they are not."""
    text = SETTLED.replace("sigmoid, temperature = 1.0 -> 0.1", relaxation)
    task, loose = started(text), started(text.replace("held = settled, ", ""))
    while not task.fit.ended:
        task.step()
        loose.step()
    left = gates(task)[:3]
    assert torch.equal(gates(loose)[:3], left)
    between, moved = False, set()
    for step in range(task.fit.steps):
        task.step()
        loose.step()
        drawn, other = (tensors_of(t.fit.choosing.training(step))["keep"] for t in (task, loose))
        assert drawn[:3].tolist() == [float(w > 0.5) for w in left.tolist()]
        between = between or bool(((other[:3] != 0) & (other[:3] != 1)).any())
        moved.add(tuple(gates(task)[3:5].tolist()))
    assert between
    assert len(moved) > 3
    found = ended(task).found().weighing["keep"]
    assert found[:3].tolist() == [float(w > 0.5) for w in left.tolist()]
    assert {float(w) for w in found[3:5]} <= {0.0, 1.0}


def test_what_is_settled_is_kept_when_a_run_goes_on():
    straight = ended(started(SETTLED))
    task = started(SETTLED)
    for _ in range(task.fit.steps + 2):
        task.step()
    again = started(SETTLED)
    again.restore(task.state())
    assert set(gates(again)[:3].tolist()) <= {0.0, 1.0}
    assert same(ended(again).found(), straight.found())


def test_gates_of_any_size_are_not_settled_by_one_half():
    ((code, message),) = refused(f"progressive(along = k, held = settled, step = {STEP})")
    assert (code, "of any size" in message) == ("S0605", True)
    assert refused("progressive(along = k, held = settled, step = relax(as = sigmoid))") == []


def options_of(text):
    return started(text)._step.options


def test_what_a_step_does_not_say_is_said_around_it():
    inner = "step = relax(as = gate, batch_size = 64, optimizer = sgd())"
    found = options_of(f"progressive(along = i, {inner}, epochs = 3, batch_size = 256, clip = 2, weights = adagrad())")
    assert (found["epochs"], found["batch_size"], found["clip"]) == (3, 64, 2.0)
    assert (found["weights"].name, found["optimizer"].name) == ("adagrad", "sgd")
    assert options_of("progressive(along = i, step = relax(as = gate))")["epochs"] == 2
    assert options_of("progressive(along = i, step = relax(as = gate, epochs = 4), epochs = 3)")["epochs"] == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("along = i", "along = j"),
        ("along = i, epochs = 1", "along = i, epochs = 3"),
        ("along = i, batch_size = 128", "along = i, batch_size = 64"),
        ("along = i, decay = none", "along = i, decay = cosine"),
        ("along = i, clip = 0", "along = i, clip = 0.01"),
        ("along = i, weights = adam()", "along = i, weights = sgd()"),
    ],
)
def test_options_are_honoured(one, other):
    first, second = (
        ended(started(f"progressive({t}, step = relax(as = gate))")).found().weights["table"] for t in (one, other)
    )
    assert not torch.equal(first, second)


# -- what is refused -----------------------------------------------------------------------------------------------


GATE = Domain("gate", ("off", "on"))
SETS = Decision(
    "keep", ("k in 1..2", "s in subsets(fields, k)"), 3, ((1, "a"), (1, "b"), (2, "a*b")), (GATE,), (), (1,),
    factors=Factors(2, ("a", "b"), ((0,), (1,), (0, 1)), ((1,), (2,)), (0, 0, 1)),
)  # fmt: skip


def refused(text, *decisions):
    return [(d.code, d.message) for d in obstacles(by_hand.recipe(text), decisions or (SETS,), promises())]


def test_factored_gates_grow_along_what_does_not_share_factors():
    assert refused(f"progressive(along = k, step = {STEP})") == []
    ((code, message),) = refused(f"progressive(along = s, step = {STEP})")
    assert code == "S0605"
    assert "shared along this index" in message


def test_what_cannot_grow_is_refused():
    number = Decision("n", ("k in 1..2",), 2, ((1,), (2,)), (Domain("number", (2, 4)),))
    ((code, message),) = refused("progressive(along = k, step = relax(as = softmax))", number)
    assert (code, "is no gate" in message) == ("S0605", True)
    given = Decision("g", ("k in 1..2",), 2, ((1,), (2,)), (GATE,), given="example")
    assert "given" in refused("progressive(along = k, step = relax(as = softmax))", given)[0][1]
    # The step is asked what it can search, as if it stood alone.
    real = Decision("r", (), 1, ((),), (Domain("real", low=0.1, high=1),))
    ((code, message),) = refused("progressive(along = k, step = relax(as = softmax))", SETS, real)
    assert (code, "`r`" in message) == ("S0605", True)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (f"progressive(step = {STEP})", "S0604", "`along`"),
        ("progressive(along = k)", "S0604", "`step`"),
        ("progressive(grow = keep)", "S0605", "grow"),
    ],
)
def test_what_is_missing_is_said(text, code, says):
    ((found, message), *others) = refused(text)
    assert found == code
    assert says in message
    assert not others


def test_only_a_relaxation_is_a_step():
    _, (fault,) = by_hand.read_recipe("progressive(along = k, step = retrain())")
    assert fault.code == "S0603"
    assert "relax" in fault.message


def test_a_progressive_search_is_derived_by_itself():
    names = [
        p.call.name for p in planned(by_hand.recipe(f"progressive(along = k, step = {STEP})"), (SETS,), promises())
    ]
    assert names == ["train", "progressive", "derive"]


def test_values_of_an_index_rise():
    other = Decision("other", ("k in 0..1",), 2, ((0,), (1,)), (GATE,))
    assert values_of("k", (SETS, other)) == (0, 1, 2)
    assert values_of("i", context().decisions) == ("f0", "f1", "f2")

"""Optimizers: the folder's contract, GRDA by hand, Adam on touched rows against torch's."""

from importlib import import_module

import pytest
import torch
from torch.nn import Parameter

from recspace.runtime.dual_averaging import Grda
from recspace.runtime.registry import promises
from recspace.runtime.updates import TouchedAdam, by_rows, dense_or_touched, touched

NAMES = [n for n, p in promises().stages.items() if p.role == "optimizer" and p.implemented]
ADAM = {
    "lr": 0.1,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "weight_decay": 0.0,
    "embedding_decay": 0.0,
    "rows": "dense",
}


def made(name, parameters, steps=10, **given):
    promise = promises().stages[name]
    options = {**{o.name: o.default for o in promise.options}, **given}
    return import_module(f"recspace.runtime.optimizers.{name}").make(parameters, {"t": 1}, options, steps)


def gradients(step):
    generator = torch.Generator().manual_seed(step)
    t = torch.randn(6, 2, generator=generator)
    t[step % 6] = 0
    return {"t": t, "w": torch.randn(3, generator=generator)}


def parameters():
    generator = torch.Generator().manual_seed(9)
    return {"t": Parameter(torch.randn(6, 2, generator=generator)), "w": Parameter(torch.randn(3, generator=generator))}


@pytest.mark.parametrize("name", NAMES)
def test_going_on_from_a_state_is_the_same(name):
    one, two = parameters(), parameters()
    # With a step size that depends on the number of steps, where there is one.
    given = {"lr_decay": 0.1} if name == "adagrad" else {}
    straight = made(name, one, **given)
    for step in range(8):
        straight.step(gradients(step), 1.0)
    first = made(name, two, **given)
    for step in range(4):
        first.step(gradients(step), 1.0)
    kept = first.state()
    copy = {n: Parameter(p.detach().clone()) for n, p in two.items()}
    first.step(gradients(99), 1.0)  # what happens later must not reach into a state that was taken
    second = made(name, copy, **given)
    second.restore(kept)
    for step in range(4, 8):
        second.step(gradients(step), 1.0)
    assert all(torch.equal(one[n], copy[n]) for n in one)


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_scales_the_step(name):
    slow, fast, start = parameters(), parameters(), parameters()
    made(name, slow, c=0.0).step(gradients(0), 0.5)
    made(name, fast, c=0.0).step(gradients(0), 1.0)
    for n in start:
        torch.testing.assert_close(2 * (slow[n] - start[n]), fast[n] - start[n])


@pytest.mark.parametrize("name", NAMES)
def test_parameters_without_gradient(name):
    """They may be missing; only GRDA's threshold moves them."""
    after = parameters()
    made(name, after, c=0.0).step({"w": gradients(0)["w"]}, 1.0)
    assert torch.equal(after["t"], parameters()["t"])
    assert not torch.equal(after["w"], parameters()["w"])


def test_weight_decay_is_honoured():
    for name in ("adam", "adagrad", "sgd"):
        plain, decayed = parameters(), parameters()
        without, with_decay = made(name, plain), made(name, decayed, weight_decay=0.5)
        for step in range(3):  # the first step of Adam has the size of lr, whatever the gradient's
            without.step(gradients(step), 1.0)
            with_decay.step(gradients(step), 1.0)
        assert not torch.equal(plain["w"], decayed["w"]), name


def test_grda_by_hand():
    gate = Parameter(torch.tensor([0.6, -0.5]))
    grda = Grda({"g": gate}, c=0.1, mu=0.5, lr=0.25, dies=0.5, steps=100)
    v = [0.6, -0.5]
    for t, gradient in enumerate(([0.4, -0.2], [-1.0, 0.3], [0.0, 2.0]), start=1):
        grda.step({"g": torch.tensor(gradient)}, 1.0)
        v = [x - 0.25 * g for x, g in zip(v, gradient, strict=True)]
        limit = 0.1 * 0.25 ** (0.5 + 0.5) * t**0.5
        expected = [(1 if x > 0 else -1) * max(abs(x) - limit, 0) for x in v]
        torch.testing.assert_close(gate.detach(), torch.tensor(expected))


@pytest.mark.parametrize(("steps", "dies"), [(1000, 0.5), (400, 0.25)])
def test_grda_auto_kills_a_silent_gate_in_time(steps, dies):
    """c = 0.6 / (dies · steps)^mu, so that (0.6 / c)^(1 / mu) = dies · steps."""
    gate = Parameter(torch.tensor([0.6, 0.6]))
    grda = Grda({"g": gate}, c="auto", mu=0.8, lr=1.0, dies=dies, steps=steps)
    assert (0.6 / grda.c["g"]) ** (1 / 0.8) == pytest.approx(dies * steps, rel=1e-6)
    for _ in range(int(dies * steps) - 2):
        grda.step({"g": torch.tensor([0.0, 0.0])}, 1.0)
    assert (gate > 0).all()
    for _ in range(4):
        grda.step({"g": torch.tensor([0.0, -0.5])}, 1.0)
    assert gate[0] == 0
    assert gate[1] > 0


def test_touched_adam_is_sparse_adam():
    ours, theirs = Parameter(torch.ones(8, 3)), Parameter(torch.ones(8, 3))
    adam = TouchedAdam({"t": ours}, ADAM)
    sparse = torch.optim.SparseAdam([theirs], lr=0.1)
    for step in range(5):
        rows = torch.tensor([step, step + 2])
        values = torch.randn(2, 3, generator=torch.Generator().manual_seed(step))
        dense = torch.zeros(8, 3).index_add(0, rows, values)
        adam.step(
            {"t": dense if step % 2 else torch.sparse_coo_tensor(rows[None], values, (8, 3), check_invariants=True)},
            1.0,
        )
        theirs.grad = torch.sparse_coo_tensor(rows[None], values, (8, 3), check_invariants=True)
        sparse.step()
    torch.testing.assert_close(ours, theirs, atol=5e-6, rtol=0)
    assert torch.equal(ours[7], torch.ones(3))


@pytest.mark.parametrize(("rows", "most", "part"), [
    ("dense", 1, "dense"), ("touched", 600_000, "touched"), ("auto", 37_500, "touched"), ("auto", 37_501, "dense"),
])  # fmt: skip
def test_tables_are_updated_by_rows_where_they_are_large_or_that_is_asked(rows, most, part):
    table = {"t": Parameter(torch.zeros(600_000, 2))}
    update = dense_or_touched(table, {"t": most}, {**ADAM, "rows": rows})
    assert set(update.parts) == {part}
    assert by_rows(update) == (part == "touched")
    assert "touched" not in dense_or_touched(table, {}, {**ADAM, "rows": "touched"}).parts


@pytest.mark.parametrize("shape", [(0,), (0, 4)])
def test_of_a_table_of_which_nothing_is_left_no_rows_are_touched(shape):
    rows, gradient = touched(torch.zeros(shape))
    assert rows.shape == (0,)
    assert gradient.shape == shape

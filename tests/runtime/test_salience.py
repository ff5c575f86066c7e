"""salience: gradients at open gates, against differences of the loss and the sums that they stand for."""

import by_hand
import pytest
import torch
from stage_by_hand import context, result, started

from recspace.dsl import SpaceError
from recspace.runtime.choices import Fixed
from recspace.runtime.task import Found


@pytest.fixture(scope="module")
def trained():
    return result("warmup(batch_size = 128, epochs = 2, optimizer = adam(lr = 0.05))").weights


def test_the_size_of_the_slope_of_the_loss(trained):
    place = context(Found(weights=trained))
    task = started("salience(batches = 1, batch_size = 50)", place)
    (rows,) = task._parts
    found = result("salience(batches = 1, batch_size = 50)", place)
    supernet = place.supernet_model()
    supernet.module.eval()
    batch = place.examples.of(supernet.compiled.columns).batch(rows)

    def loss(gates):
        with torch.no_grad():
            return float(supernet.objective(batch, {"keep": gates}, {})[1][0])

    for pair in range(len(by_hand.PAIRS)):
        step = torch.zeros(len(by_hand.PAIRS))
        step[pair] = 1e-2
        slope = (loss(1 + step) - loss(1 - step)) / 2e-2
        assert float(found.weighing["keep"][pair]) == pytest.approx(abs(slope), rel=2e-2, abs=2e-5)
    assert found.margins
    assert not found.raw


def test_batches_are_averaged_by_size(trained):
    """The mean of sizes, not the size of the mean: batches that pull in opposite directions do not cancel."""
    place = context(Found(weights=trained))
    every = started("salience(batches = all, batch_size = 20)", place)
    sums = torch.zeros(len(by_hand.PAIRS))
    for part in every._parts:
        one = started("salience(batches = 1, batch_size = 20)", place)
        one._parts = (part,)
        one.step()
        sums += one.found().weighing["keep"]
    found = result("salience(batches = all, batch_size = 20)", place).weighing["keep"]
    assert len(every._parts) > 2
    assert torch.allclose(found, sums / len(every._parts), atol=1e-7)
    assert int(torch.cat(list(every._parts)).unique().numel()) == place.examples.valid.numel()


def test_a_gate_that_was_fixed_off_scores_nothing(trained):
    place = context(Found(weights=trained), fixes=["keep[f0,f1]=off"])
    found = result("salience(batches = 1)", place).weighing["keep"]
    assert found[0] == 0
    assert (found[1:] > 0).all()


def test_nothing_is_trained_by_it(trained):
    place = context(Found(weights=trained))
    after = result("salience(batches = all)", place).weights
    assert all(torch.equal(trained[n], after[n]) for n in trained)


@pytest.mark.parametrize("text", ["salience(batches = 0)", "salience(batches = some)", "salience(batches = 1.5)"])
def test_batches_are_a_number_or_all(text):
    from importlib import import_module

    call = by_hand.call(text)
    with pytest.raises(SpaceError) as refused:
        import_module("recspace.runtime.strategies.salience").foresee(context().graph, call, Fixed((), {}))
    assert [d.code for d in refused.value.diagnostics] == ["S0603"]

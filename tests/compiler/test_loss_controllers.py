"""Losses that a controller weighs for every example: gradients, the upper level, what is left of it when derived."""

import pytest
import torch

from recspace.runtime.choices import Set

from .agreement import Pair, float64, model_of, shipped, tensors_of, weighers
from .test_agreement import IDS

SPACES = ("component/autoloss.space", "component/autoloss_ratings.space")


@pytest.fixture(params=SPACES)
def supernet(request):
    with float64():
        pair = Pair(shipped(request.param), IDS, {}, rows=8)
        compiled = pair.supernet
        model = model_of(compiled)
        generator = torch.Generator().manual_seed(3)
        for parameter in model.parameters.values():
            parameter.data.normal_(0, 0.05, generator=generator)
        yield compiled, model, tensors_of(pair.batch(compiled, 1))


def lower(model):
    return {t.attribute: model.parameters[t.attribute] for t in model.compiled.tensors if t.trainable and not t.upper}


def test_weights_are_numbers_to_the_model(supernet):
    """The gradient is that of the same weights given as constants: none comes through the controller."""
    compiled, model, batch = supernet
    soft = weighers(compiled.decisions)["loss"]
    seen = []

    class Watched:
        def __call__(self, logits, noise):
            seen.append(soft(logits, noise))
            return seen[-1]

    watched = model.objective(batch, {"loss": Watched()}, {})[1][0]
    constant = model.objective(batch, {"loss": Set(seen[0].detach())}, {})[1][0]
    assert torch.equal(watched, constant)
    names = lower(model)
    found = torch.autograd.grad(watched, list(names.values()), retain_graph=True)
    expected = torch.autograd.grad(constant, list(names.values()))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
    assert all(g.abs().max() > 0 for g in found)


def test_the_controller_alone_is_of_the_upper_level(supernet):
    compiled, model, batch = supernet
    upper = [t.attribute for t in compiled.tensors if t.trainable and t.upper]
    assert len(upper) == 6
    loss = model.objective(batch, weighers(compiled.decisions), {})[1][0]
    gradients = torch.autograd.grad(loss, [model.parameters[name] for name in upper])
    assert all(g.abs().max() > 0 for g in gradients)


@pytest.mark.parametrize("path", SPACES)
def test_a_derived_model_has_none_of_it(path):
    pair = Pair(shipped(path), IDS, {})
    plain = pair.plain({})
    assert not plain.decisions
    assert not plain.objectives
    assert not [s.layer for t in plain.tensors for s in t.slices if s.layer.startswith("minimize")]
    model = model_of(plain)
    _, terms = model.objective(tensors_of(pair.batch(plain, 1)), {}, {})
    assert terms == ()
    # Fixed by hand, the loss is there: it is what the hand-made model is trained by.
    assert pair.plain({"loss": (1,)}).objectives

"""The contract of relaxations, over the folder: a new file is tested without touching this one."""

import math
from importlib import import_module

import pytest
import torch

from recspace.compiler.decisions import Decision, Domain
from recspace.runtime.choices import Fixed
from recspace.runtime.choosing import Relaxed, block_of
from recspace.runtime.options import Schedule, check
from recspace.runtime.refuse import words
from recspace.runtime.registry import promises
from recspace.runtime.shaping import normalized
from recspace.runtime.steps import Kind, Step, spread_over

DOMAINS = {"gate": Domain("gate", ("off", "on")), "number": Domain("number", (1, 2, 4))}
MIDWAY = Step(3, 10)
ABLE = [name for name, promise in promises().relaxations.items() if promise.implemented]
KINDS = {"gate": Kind("gate"), "number": Kind("choice"), "subset": Kind("subset", 2)}
CASES = [(n, d) for n in ABLE for d in KINDS if d in promises().relaxations[n].domains]


def relaxed(name, domain, logits, noise, step=MIDWAY, **given):
    promise = promises().relaxations[name]
    options, faults = check(given, promise, words("the test", name), {})
    assert not faults
    return import_module(f"recspace.runtime.relaxations.{name}").relax(logits, noise, step, KINDS[domain], options)


def drawn(domain, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (5,) if domain == "gate" else (5, 4)
    return torch.randn(shape, generator=generator), torch.rand(shape, generator=generator)


def test_those_of_the_language_are_there():
    named = "softmax gumbel gate sigmoid hard_concrete clamp soft_threshold group_lasso proximal"
    assert set(named.split()) <= set(ABLE)


@pytest.mark.parametrize(("name", "domain"), CASES)
def test_weights_have_the_shape_and_the_range(name, domain):
    logits, noise = drawn(domain)
    weights = relaxed(name, domain, logits, noise)
    assert weights.shape == logits.shape
    if promises().relaxations[name].identity:
        assert torch.equal(weights, logits)
        return
    assert ((weights >= 0) & (weights <= 1)).all()
    if domain == "number":
        torch.testing.assert_close(weights.sum(-1), torch.ones(5))


@pytest.mark.parametrize(("name", "domain"), [c for c in CASES if c[1] != "gate"])
def test_padding_weighs_nothing_and_has_no_gradient(name, domain):
    logits, noise = drawn(domain)
    logits = logits.requires_grad_()
    gone = torch.zeros(5, 4, dtype=torch.bool)
    gone[1, 3] = gone[2, 2:] = True
    weights = relaxed(name, domain, logits.masked_fill(gone, -torch.inf), noise)
    assert (weights[gone] == 0).all()
    (weights * torch.arange(4.0)).sum().backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[gone] == 0).all()


LEARNED = [c for c in CASES if c[0] != "group_lasso"]
"""What has logits, or thresholds: `group_lasso` shrinks the rows themselves."""


@pytest.mark.parametrize(("name", "domain"), LEARNED)
def test_gradient_reaches_every_element(name, domain):
    logits, _ = drawn(domain)
    logits = logits.requires_grad_()
    for seed in range(20):  # a gate that is clamped has a gradient in other draws
        weights = relaxed(name, domain, logits, drawn(domain, seed)[1])
        ((weights + 1) ** 2 * torch.linspace(1, 2, logits.shape[-1])).sum().backward()
    rows = logits.grad if domain == "gate" else logits.grad.abs().sum(-1)
    assert (rows != 0).all()


@pytest.mark.parametrize(("name", "domain"), CASES)
def test_a_function_of_its_arguments(name, domain):
    logits, noise = drawn(domain)
    before = logits.clone(), noise.clone()
    state = torch.get_rng_state()
    assert torch.equal(relaxed(name, domain, logits, noise), relaxed(name, domain, logits, noise))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(logits, before[0])
    assert torch.equal(noise, before[1])


@pytest.mark.parametrize(("name", "domain"), [c for c in CASES if c[0] in ("softmax", "gumbel", "sigmoid")])
def test_temperature_reaches_its_end(name, domain):
    logits, noise = drawn(domain)
    still = Step(9, 10, training=False)
    for index, value in ((0, 1.0), (9, 0.1)):
        step = Step(index, 10, training=False)
        moving = relaxed(name, domain, logits, noise, step, temperature=Schedule(1.0, 0.1))
        assert torch.equal(moving, relaxed(name, domain, logits, noise, still, temperature=value))
    hot = relaxed(name, domain, logits, noise, still, temperature=1.0)
    cold = relaxed(name, domain, logits, noise, still, temperature=0.01)
    assert ((cold - 0.5).abs() > (hot - 0.5).abs() - 1e-6).all() or domain != "gate"
    assert not torch.equal(hot, cold)


@pytest.mark.parametrize(("name", "domain"), [c for c in CASES if c[0] in ("softmax", "gumbel")])
def test_straight_through_is_hard_forward_and_soft_backward(name, domain):
    logits, noise = drawn(domain)
    logits = logits.requires_grad_()
    hard = relaxed(name, domain, logits, noise, straight_through=True)
    torch.testing.assert_close(hard.detach(), hard.detach().round())
    if domain == "subset":
        assert (hard.detach().round().sum(-1) == 2).all()
    (grad,) = torch.autograd.grad((hard * torch.linspace(1, 2, logits.shape[-1])).sum(), logits)
    soft = relaxed(name, domain, logits, noise)
    (expected,) = torch.autograd.grad((soft * torch.linspace(1, 2, logits.shape[-1])).sum(), logits)
    torch.testing.assert_close(grad, expected)


def test_gumbel_samples_by_the_softmax():
    """The largest of the noisy logits is option k with its softmax probability."""
    logits = torch.tensor([0.0, 1.0, -1.0]).expand(20_000, 3)
    noise = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1))
    picked = relaxed("gumbel", "number", logits, noise).argmax(-1)
    share = torch.bincount(picked, minlength=3) / 20_000
    torch.testing.assert_close(share, logits[0].softmax(-1), atol=0.015, rtol=0)
    gates = relaxed("gumbel", "gate", torch.full((20_000,), 1.0), noise[:, 0])
    assert abs(float((gates > 0.5).float().mean()) - 0.7311) < 0.015


def test_gumbel_is_still_in_evaluation():
    logits, noise = drawn("number")
    still = relaxed("gumbel", "number", logits, noise, Step(3, 10, training=False))
    torch.testing.assert_close(still, logits.softmax(-1))


def test_hard_concrete_is_shut_as_often_as_it_says():
    logits = torch.linspace(-3, 3, 7)
    noise = torch.rand(20_000, 7, generator=torch.Generator().manual_seed(3))
    gates = relaxed("hard_concrete", "gate", logits.expand(20_000, 7), noise, temperature=0.5)
    options, _ = check(
        {"temperature": 0.5}, promises().relaxations["hard_concrete"], words("the test", "temperature"), {}
    )
    chance = import_module("recspace.runtime.relaxations.hard_concrete").chance(logits, MIDWAY, options)
    torch.testing.assert_close((gates > 0).float().mean(0), chance, atol=0.012, rtol=0)
    assert (gates == 0).any()
    assert (gates == 1).any()
    # By hand, Louizos et al., equations 10 to 12: l = 1, u = 0.3, τ = 0.5, from −0.1 to 1.1.
    l, u = torch.tensor([1.0]), torch.tensor([0.3])
    concrete = 1 / (1 + math.exp(-(1 + math.log(0.3 / 0.7)) / 0.5))
    assert relaxed("hard_concrete", "gate", l, u, temperature=0.5).item() == pytest.approx(
        concrete * 1.2 - 0.1, rel=1e-6
    )
    still = relaxed("hard_concrete", "gate", l, u, Step(3, 10, training=False), temperature=0.5).item()
    assert still == pytest.approx(1.2 / (1 + math.exp(-1)) - 0.1, rel=1e-6)
    _, faults = check(
        {"stretch": [0.1, 1.1]}, promises().relaxations["hard_concrete"], words("the test", "stretch"), {}
    )
    assert [f.code for f in faults] == ["S0603"]


def test_clamped_gates_stay_between_0_and_1_and_pay_for_what_is_open():
    module = import_module("recspace.runtime.relaxations.clamp")
    assert module.bounded(torch.tensor([-0.2, 0.0, 0.4, 1.0, 1.7])).tolist() == pytest.approx([0, 0, 0.4, 1, 1])
    assert float(module.penalty(torch.tensor([0.5, 1.0]), {"l1": 0.1})) == pytest.approx(0.15)


def test_gradients_are_normalized_block_by_block():
    gradient = torch.tensor([1.0, -3.0, 100.0, 300.0])
    block = torch.tensor([0, 0, 1, 1])
    torch.testing.assert_close(normalized(gradient, block), torch.tensor([0.5, -1.5, 0.5, 1.5]))
    torch.testing.assert_close(normalized(gradient, None), gradient / 101)
    two = Decision(
        "keep", ("s in 1..2", "k in 1..2"), 4, ((1, 1), (1, 2), (2, 1), (2, 2)), (Domain("gate", ("off", "on")),)
    )
    assert block_of(two).tolist() == [0, 0, 1, 1]
    pairs = Decision("keep", ("i < j in fields",), 2, (("a", "b"), ("a", "c")), (Domain("gate", ("off", "on")),))
    assert block_of(pairs) is None


def test_proximal_forwards_one_and_learns_all():
    """NASP by hand: the gradient is taken where the largest stands alone, and moves the continuous weights."""
    weights = torch.tensor([[0.5, 0.8, 0.1], [0.2, 0.2, 0.9]], requires_grad=True)
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    hard = relaxed("proximal", "number", weights, torch.zeros(2, 3))
    assert hard.tolist() == [[0, 1, 0], [0, 0, 1]]
    ((hard * values).sum(-1) ** 2).sum().backward()
    expected = 2 * torch.tensor([[2.0], [6.0]]) * values  # where the second and the third stand alone
    assert torch.equal(weights.grad, expected)
    module = import_module("recspace.runtime.relaxations.proximal")
    moved = module.bounded(weights.detach() - 0.05 * weights.grad)
    torch.testing.assert_close(moved, torch.tensor([[0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]))
    assert relaxed("proximal", "gate", torch.tensor([0.5, 0.51]), torch.zeros(2)).tolist() == [0, 1]


def test_sets_are_of_as_many_members_as_they_say():
    weights = torch.tensor([[0.5, 0.8, 0.1, 0.2], [0.9, -torch.inf, -torch.inf, -torch.inf], [0.1, 0.4, 0.4, 0.3]])
    unequal = Kind("subset", 2, (2, 1, 1))
    module = import_module("recspace.runtime.relaxations.proximal")
    found = module.relax(weights, weights, MIDWAY, unequal, {})
    assert found.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    soft = relaxed("softmax", "subset", torch.zeros(3, 4), torch.zeros(3, 4))
    assert soft.sum(-1).tolist() == [2, 2, 2]
    assert spread_over(torch.full((3, 4), 0.25), unequal).sum(-1).tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("name", "given"),
    [("gumbel", {"straight_through": True}), ("softmax", {"straight_through": True}), ("proximal", {})],
)
@pytest.mark.parametrize("domain", ["gate", "number"])
def test_what_is_likely_is_soft_where_training_sees_one_option_alone(name, given, domain):
    decision = Decision("d", ("f in fields",), 3, tuple((f"f{k}",) for k in range(3)), (DOMAINS[domain],))
    options, _ = check(given, promises().relaxations[name], words("the test", name), {})
    module = import_module(f"recspace.runtime.relaxations.{name}")
    found = Relaxed((decision,), module, options, 10, Fixed((decision,), {}), 0, "s", torch.device("cpu"))
    with torch.no_grad():
        found.parameters["d"].copy_(
            torch.linspace(0.2, 0.7, found.parameters["d"].numel()).view_as(found.parameters["d"])
        )
    hard, soft = found.settled()["d"], found.likely()["d"]
    assert torch.equal((hard > 0.999) | (hard < 0.001), torch.ones_like(hard, dtype=torch.bool))
    assert ((soft > 0.1) & (soft < 0.9)).all()
    if domain == "gate":
        assert torch.equal(soft.argsort(), torch.arange(3))
    else:
        assert torch.equal(soft.argmax(-1), hard.argmax(-1))
        torch.testing.assert_close(soft.sum(-1), torch.ones(3))

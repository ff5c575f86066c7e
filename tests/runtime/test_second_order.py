"""Decisions judged a step of the weights ahead: a quadratic in closed form, exact against finite, a whole stage."""

from dataclasses import replace

import by_hand
import pytest
import torch
import torch.nn.functional as F
from stage_by_hand import SHORT, context, ended, same, started

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.plan import obstacles
from recspace.runtime.registry import promises
from recspace.runtime.second_order import hypergradient, objective_at, task_loss
from recspace.runtime.strategies.relax import check

AHEAD = f"relax(as = softmax, bilevel = one_step, {SHORT})"


def drawn(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def quadratic(seed):
    """L_train = ½ w·A w + w·B α and L_valid = ½ |w − c|² + α·D w + ½ |α|², with w′ = w − ξ (A w + B α):
    the gradient is D w′ + α − ξ Bᵀ (w′ − c + Dᵀ α)."""
    draw = drawn(seed)
    a, b, c, d = draw(4, 4), draw(4, 3), draw(4), draw(3, 4)
    a, w, alpha = a @ a.t(), draw(4).requires_grad_(), draw(3).requires_grad_()

    def train(at):
        return at["w"] @ a @ at["w"] / 2 + at["w"] @ b @ alpha

    def valid(at):
        return (at["w"] - c).square().sum() / 2 + alpha @ d @ at["w"] + alpha.square().sum() / 2

    @torch.no_grad()
    def closed(step):
        ahead = w - step * (a @ w + b @ alpha)
        return d @ ahead + alpha - step * b.t() @ (ahead - c + d.t() @ alpha)

    return train, valid, {"w": w}, {"alpha": alpha}, closed


@pytest.mark.parametrize("hessian", ["exact", "finite"])
@pytest.mark.parametrize("step", [0.0, 0.1, 0.7])
def test_a_quadratic_in_closed_form(hessian, step):
    train, valid, weights, decisions, closed = quadratic(3)
    found = hypergradient(train, valid, weights, decisions, step, hessian)
    torch.testing.assert_close(found["alpha"], closed(step), rtol=1e-8, atol=1e-8)
    assert not found["alpha"].requires_grad


def test_exact_and_finite_agree_where_nothing_is_quadratic():
    """A small net under a mixture of two activations; the exact one is also the derivative of the validation loss."""
    draw = drawn(5)
    x, y, z, t = draw(20, 3), draw(20), draw(20, 3), draw(20)
    weights = {"a": draw(3, 4).requires_grad_(), "b": draw(4).requires_grad_(), "unused": draw(2).requires_grad_()}
    decisions = {"p": draw(2).requires_grad_(), "idle": draw(1).requires_grad_()}

    def loss(at, x, y):
        p = decisions["p"].softmax(0)
        h = x @ at["a"]
        return ((p[0] * h.tanh() + p[1] * F.softplus(h)) @ at["b"] - y).square().mean()

    def train(at):
        return loss(at, x, y)

    def valid(at):
        return loss(at, z, t)

    exact = hypergradient(train, valid, weights, decisions, 0.3, "exact")
    finite = hypergradient(train, valid, weights, decisions, 0.3, "finite")
    assert set(exact) == set(finite) == {"p"}
    torch.testing.assert_close(finite["p"], exact["p"], rtol=2e-3, atol=1e-5)
    slopes = torch.autograd.grad(train(weights), [weights["a"], weights["b"]], create_graph=True)
    ahead = {n: weights[n] - 0.3 * g for n, g in zip("ab", slopes, strict=True)}
    (whole,) = torch.autograd.grad(valid(ahead), [decisions["p"]])
    torch.testing.assert_close(exact["p"], whole, rtol=1e-10, atol=1e-12)
    first = hypergradient(train, valid, weights, decisions, 0.0, "exact")
    assert (first["p"] - exact["p"]).abs().max() > 1e-3


def test_what_only_the_weights_feel_is_learned_by_the_second_order_alone():
    """α scales the training loss and is no part of the validation loss: its first-order gradient is nothing."""
    draw = drawn(7)
    w, alpha = {"w": draw(3).requires_grad_()}, {"alpha": torch.ones(1, dtype=torch.float64, requires_grad=True)}
    target = draw(3)

    def train(at):
        return (alpha["alpha"].exp() * (at["w"] - target).square()).sum()

    def valid(at):
        return (at["w"] - target).square().sum()

    (gradient,) = hypergradient(train, valid, w, alpha, 0.01, "exact").values()
    assert float(gradient) < 0  # more of the training loss is better
    assert hypergradient(train, valid, w, alpha, 0.0, "exact")["alpha"] == 0


# -- a stage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hessian", ["exact", "finite"])
def test_a_stage_looks_ahead(hessian):
    """Its gradient is what differentiating through the step gives, and looking changes neither weights nor statistics."""
    task = started(f"relax(as = softmax, bilevel = one_step, virtual_step = 0.5, hessian = {hessian}, {SHORT})")
    for _ in range(3):
        task.step()
    fit = task.fit
    before = {n: t.clone() for n, t in fit.model.tensors.items()}
    found = fit._ahead(fit.plan.ahead)
    assert all(torch.equal(fit.model.tensors[n], t) for n, t in before.items())
    whole = through_the_step(fit, 0.5)
    for name, expected in whole.items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4 if hessian == "exact" else 0.05, atol=2e-6)
    _, flat = fit._judged(fit._examples.valid, "valid", fit._learned())
    assert (flat["keep"] - found["keep"]).abs().max() > 1e-4


def through_the_step(fit, step):
    """∇α of the validation loss at w − ξ ∇w L_train, by one graph through both."""

    def loss(name, weights):
        rows = {"train": fit._examples.train, "valid": fit._examples.valid}[name]
        choices = fit.choosing.training(fit.at)
        return fit._loss_of(fit._batch(rows, name), choices, name, objective_at(fit.model, weights))

    weights = dict(fit.model.parameters)
    slopes = torch.autograd.grad(loss("train", weights), list(weights.values()), create_graph=True)
    ahead = {n: w - step * g for (n, w), g in zip(weights.items(), slopes, strict=True)}
    learned = fit._learned()
    return dict(zip(learned, torch.autograd.grad(loss("valid", ahead), list(learned.values())), strict=True))


def test_a_stage_goes_on_with_the_same_bits():
    whole = ended(started(AHEAD))
    first = started(AHEAD)
    for _ in range(4):
        first.step()
    second = started(AHEAD)
    second.restore(first.state())
    assert same(ended(second), whole)


def test_orders_differ_and_the_label_may_judge():
    texts = [AHEAD, AHEAD.replace("one_step", "first_order"), AHEAD.replace("one_step", "one_step, judged = task")]
    found = [ended(started(text)).found().weighing["keep"] for text in texts]
    assert all(torch.isfinite(weights).all() for weights in found)
    assert not torch.equal(found[0], found[1])
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5)  # the objective is the logloss itself


def test_losses_of_labels():
    label, weight = torch.tensor([0.0, 1.0]), torch.tensor([3.0, 1.0])
    p = torch.tensor([0.2, 0.5])
    expected = (3 * -torch.log(torch.tensor(0.8)) - torch.log(torch.tensor(0.5))) / 4
    torch.testing.assert_close(task_loss("binary", p, {":label": label, ":weight": weight}), expected)
    torch.testing.assert_close(task_loss("number", p, {":label": label}), torch.tensor((0.04 + 0.25) / 2))
    scores = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    chosen = -scores.log_softmax(1)[[0, 1], [1, 0]].mean()
    torch.testing.assert_close(task_loss("classes", scores, {":label": torch.tensor([1, 0])}), chosen)
    with pytest.raises(ValueError, match="label"):
        task_loss("ranking", p, {":label": label})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("as = softmax, judged = task", "judged"),
        ("as = softmax, bilevel = first_order, hessian = finite", "hessian"),
        ("as = softmax, virtual_step = 0.1", "virtual_step"),
        ("as = soft_threshold, bilevel = one_step", "soft_threshold"),
        ("as = group_lasso, bilevel = one_step", "group_lasso"),
    ],
)
def test_what_looks_nowhere_ahead_is_refused(options, says):
    found, *_ = obstacles(by_hand.recipe(f"relax({options})"), (by_hand.keep_decision(),), promises())
    assert found.code == "S0661"
    assert says in found.message


def test_rankings_have_no_label_to_judge_by():
    place = context()
    place = replace(place, examples=replace(place.examples, task="ranking"))
    with pytest.raises(SpaceError, match="S0661"):
        check(place, by_hand.call("relax(as = softmax, bilevel = one_step, judged = task)"))

"""Decisions judged by what a step of the weights by them comes to: the second order of a bilevel search.

    ∇α L_valid(w′, α) − ξ ∇²αw L_train(w, α) · ∇w′ L_valid(w′, α),   w′ = w − ξ ∇w L_train(w, α)

Source: Liu et al., DARTS, ICLR 2019, equations 6 to 8; the survey's one-step approximation (section 7.2). The product
with the second derivatives is exact, by differentiating the gradient again, or a difference of two gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from .examples import Task
from .module import Model

Weights = Mapping[str, Tensor]
Loss = Callable[[Weights], Tensor]

NEAR = 0.01
"""How far the two gradients of a difference are from the weights, as a norm (DARTS)."""
SMALLEST = 1e-7


@dataclass(frozen=True, slots=True)
class Ahead:
    """`step`: ξ, None for the step size of the weights. `judged`: by the objective of the space, or by the loss that the
    label has by itself, which no decision weighs."""

    hessian: Literal["exact", "finite"] = "exact"
    step: float | None = None
    judged: Literal["objective", "task"] = "objective"


def hypergradient(
    train: Loss, valid: Loss, weights: Weights, decisions: Weights, step: float, hessian: Literal["exact", "finite"]
) -> dict[str, Tensor]:
    """The gradient of `decisions`, which `train` and `valid` read besides the weights that they are given."""
    loss = train(weights)
    slopes = _gradients(loss, weights, again=hessian == "exact")
    moved = {n: (w - step * slopes[n] if n in slopes else w).detach().requires_grad_() for n, w in weights.items()}
    after = _gradients(valid(moved), {**{f"w:{n}": w for n, w in moved.items()}, **_named("α", decisions)})
    direct = {n: after[f"α:{n}"] for n in decisions if f"α:{n}" in after}
    direction = {n: after[f"w:{n}"] for n in weights if f"w:{n}" in after and n in slopes}
    bent = _exact(slopes, direction, decisions) if hessian == "exact" else _finite(train, weights, direction, decisions)
    found = {n: direct.get(n, 0.0) - step * bent.get(n, 0.0) for n in decisions if n in direct or n in bent}
    return {n: torch.as_tensor(gradient).detach() for n, gradient in found.items()}


def _exact(slopes: Weights, direction: Weights, decisions: Weights) -> dict[str, Tensor]:
    """∇α (∇w L_train · v): second derivatives are symmetric."""
    along = [(slopes[n] * v).sum() for n, v in direction.items()]
    return _gradients(torch.stack(along).sum(), decisions) if along else {}


def _finite(train: Loss, weights: Weights, direction: Weights, decisions: Weights) -> dict[str, Tensor]:
    """(∇α L_train(w + εv) − ∇α L_train(w − εv)) / 2ε, ε = 0.01 / ‖v‖."""
    size = torch.stack([v.norm() for v in direction.values()]).norm() if direction else torch.zeros(())
    if not float(size) > 0:
        return {}
    near = NEAR / size
    ends = []
    for sign in (1, -1):
        there = {n: (w + sign * near * direction[n]).detach() if n in direction else w for n, w in weights.items()}
        ends.append(_gradients(train(there), decisions))
    return {n: (ends[0][n] - ends[1][n]) / (2 * near) for n in ends[0].keys() & ends[1].keys()}


def _gradients(loss: Tensor, of: Weights, *, again: bool = False) -> dict[str, Tensor]:
    """Those that the loss reaches."""
    if not loss.requires_grad or not of:
        return {}
    found = torch.autograd.grad(loss, list(of.values()), allow_unused=True, create_graph=again)
    given: Any = zip(of, found, strict=True)
    return {n: gradient for n, gradient in given if gradient is not None}


def _named(kind: str, tensors: Weights) -> dict[str, Tensor]:
    return {f"{kind}:{n}": t for n, t in tensors.items()}


class _Objective(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *arguments: Any) -> Any:
        return self.inner.objective(*arguments)  # type: ignore[operator]


def objective_at(model: Model, weights: Weights) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
    """The objective at other weights. What it changes in place, as running statistics, is thrown away."""
    buffers = {n: t.clone() for n, t in model.tensors.items() if n not in model.parameters}
    put = {f"inner.{n}": t for n, t in {**buffers, **weights}.items()}
    wrapped = _Objective(model.module)

    def called(*arguments: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        prediction, terms = functional_call(wrapped, put, arguments)
        return prediction, terms

    return called


def task_loss(task: Task, prediction: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """The loss that a label has by itself: cross-entropy of probabilities [B] or of classes [B, C], else the squared
    error; the mean over rows, weighted where they are. Raises ValueError for rankings, which have no label."""
    label = batch[":label"]
    match task:
        case "binary":
            term = F.binary_cross_entropy(prediction.clamp(SMALLEST, 1 - SMALLEST), label, reduction="none")
        case "number":
            term = (prediction - label).square()
        case "classes":
            term = F.cross_entropy(prediction, label, reduction="none")
        case "ranking":
            raise ValueError("rankings have no label")
    weight = batch.get(":weight")
    return term.mean() if weight is None else (term * weight).sum() / weight.sum()

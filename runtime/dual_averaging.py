"""GRDA, the optimizer of AutoFIS's gates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Parameter

from .state import State, copied


class Grda:
    """v ← v − lr·g;  α = sign(v) · max(|v| − c · lr^(0.5 + μ) · t^μ, 0), with v starting at α's start.

    Source: methods of AutoFIS (KDD 2020) after Chao and Cheng (2019). A gate that no gradient moves is dead at
    t = (|α₀| / c)^(1/μ) for lr = 1. `c` "auto" puts this at `dies` · `steps`:

        c = |α₀| / (lr^(0.5 + μ) · (dies · steps)^μ),   |α₀| the mean size of a parameter's start.

    `rate` scales lr in v's step only: the threshold is a function of the steps taken.
    """

    def __init__(
        self, parameters: Mapping[str, Parameter], c: float | str, mu: float, lr: float, dies: float, steps: int
    ) -> None:
        self._parameters, self._mu, self._lr = dict(parameters), mu, lr
        self._steps = 0
        self._sum = {name: p.detach().clone() for name, p in parameters.items()}
        last = max(dies * steps, 1.0) ** mu
        self.c = {
            name: float(p.detach().abs().mean()) / (lr ** (0.5 + mu) * last) if isinstance(c, str) else c
            for name, p in parameters.items()
        }

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        self._steps += 1
        for name, parameter in self._parameters.items():
            if name in gradients:
                gradient = gradients[name]
                dense = gradient.to_dense() if gradient.is_sparse else gradient
                self._sum[name].sub_(dense, alpha=self._lr * rate)
            v = self._sum[name]
            threshold = self.c[name] * self._lr ** (0.5 + self._mu) * self._steps**self._mu
            # + 0.0: a dead gate is 0, not −0.
            parameter.copy_(v.sign() * (v.abs() - threshold).clamp(min=0.0) + 0.0)

    def state(self) -> State:
        return State(copied(self._sum), {"steps": self._steps, "c": dict(self.c)})

    def restore(self, state: State) -> None:
        self._steps, self.c = int(state.facts["steps"]), {name: float(c) for name, c in state.facts["c"].items()}
        for name, value in self._sum.items():
            value.copy_(state.tensors[name])

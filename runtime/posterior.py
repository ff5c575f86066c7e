"""Posteriors of variational inference: gates are Bernoulli, choices categorical, weights normal; draws carry gradients
(SGVB).

Sources: BP-FIS (SIGIR 2019); Kingma & Welling, ICLR 2014 (reparameterisation); Maddison et al. and Jang et al., ICLR
2017 (relaxed Bernoulli and categorical). E elements of a decision, N options.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.decisions import Decision
from recspace.compiler.ir import Graph

from .choices import Choices, Fixed, for_forward, kind, padding, shape
from .heredity import Heredity
from .randomness import stream

EVEN = 0.5
"""The prior of a gate for which the space says none."""

APART = 0.1
"""How far apart logits of choices start: the standard deviation."""


def bernoulli_kl(logits: Tensor, prior: Tensor) -> Tensor:
    """KL(Bernoulli(σ(logits)) ‖ Bernoulli(prior)), element by element; the prior lies strictly between 0 and 1."""
    on = logits.sigmoid() * (F.logsigmoid(logits) - prior.log())
    return on + (-logits).sigmoid() * (F.logsigmoid(-logits) - torch.log1p(-prior))


def normal_kl(mean: Tensor, log_scale: Tensor) -> Tensor:
    """KL(N(mean, exp(log_scale)²) ‖ N(0, 1)), element by element."""
    return 0.5 * (mean.square() + (2 * log_scale).exp() - 1) - log_scale


def relaxed_bernoulli(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """A draw that is exactly 0 or 1, and 1 with probability σ(logits); its gradient is that of the relaxed draw
    σ((logits + log u − log(1 − u)) / temperature)."""
    noise = uniform.clamp(1e-7, 1 - 1e-7)
    soft = ((logits + noise.log() - torch.log1p(-noise)) / temperature).sigmoid()
    return (soft > 0.5).to(soft.dtype) + (soft - soft.detach())


def categorical_kl(logits: Tensor, options: Tensor) -> Tensor:
    """KL(softmax(logits) ‖ uniform), row by row; −inf for what is no option, of which a row has `options`."""
    logarithm = logits.log_softmax(-1).masked_fill(logits.isinf(), 0.0)  # 0 · 0 in place of 0 · −inf
    return (logarithm.exp() * logarithm).sum(-1) + options.log()


def relaxed_categorical(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """A draw with a single one in each row, where softmax(logits) says how likely; its gradient is that of the relaxed
    draw softmax((logits − log(−log u)) / temperature)."""
    noise = -(-uniform.clamp(1e-7, 1 - 1e-7).log()).log()
    soft = ((logits + noise) / temperature).softmax(-1)
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + (soft - soft.detach())


class Posterior:
    """Of all gates together: q(s) = Π q(s | what its prior reads), a choice only where that prior leaves one. And of choices
    between numbers or names, each by itself; their prior is uniform.

    `parameters`: logits of every decision, [E] or [E, N]. Those of choices start apart: options between which nothing
    tells yet, as groups of users are at first, would learn the same. A draw is a function of (seed, stage, step, number).
    """

    def __init__(
        self,
        graph: Graph,
        decisions: tuple[Decision, ...],
        fixed: Fixed,
        start: float,
        temperature: float,
        seed: int,
        stage: str,
        device: torch.device,
    ) -> None:
        self._heredity = Heredity(graph, decisions, device)
        self._decisions, self._fixed, self._temperature = decisions, fixed, temperature
        self._choices = tuple(d for d in decisions if kind(d).name == "choice")
        self._gates = tuple(d for d in decisions if kind(d).name == "gate")
        self._padding = {d.name: gone.to(device) for d in self._choices if (gone := padding(d)) is not None}
        # What is fixed has no divergence: nothing is inferred there.
        self._seed, self._stage, self._device = seed, stage, device
        self._given = {d.name: torch.zeros(d.elements, dtype=torch.bool, device=device) for d in decisions}
        for name, mask in self._given.items():
            mask[list(fixed.options.get(name, {}))] = True
        logit = float(torch.logit(torch.tensor(start, dtype=torch.float64)))
        self.parameters: Mapping[str, Parameter] = {
            d.name: Parameter(torch.full((d.elements,), logit, device=device)) for d in self._gates
        } | {d.name: Parameter(self._start(d).to(device)) for d in self._choices}

    def _start(self, decision: Decision) -> Tensor:
        generator = stream(self._seed, self._stage, "logits", decision.name)
        return APART * torch.randn(shape(decision), generator=generator)

    def training(self, step: int) -> Choices:
        return self.draw(step, 0, inferring=False)[0]

    def draw(self, step: int, number: int, *, inferring: bool = True) -> tuple[Choices, Tensor]:
        """Gates [E], every one 0 or 1, and choices [E, N], each a one among zeros; and the divergence from their priors, of
        those that had a choice (0 where nothing is `inferring`: then there are no gradients, either).

        What a gate's parents learn of its divergence is left out: they learn from the loss what it lets them do.
        """
        divergences: list[Tensor] = []
        noise = {
            d.name: torch.rand(
                d.elements, generator=stream(self._seed, self._stage, step, number, "selection", d.name)
            ).to(self._device)
            for d in self._gates
        }

        def drawn(name: str, at: Tensor, prior: Tensor | None) -> Tensor:
            logits = self.parameters[name].index_select(0, at)
            own = relaxed_bernoulli(logits, noise[name].index_select(0, at), self._temperature)
            chance = torch.full_like(logits, EVEN) if prior is None else prior
            free = (chance > 0) & (chance < 1)
            if inferring:
                loose = free & ~self._given[name].index_select(0, at)
                within = torch.where(loose, chance.detach(), torch.full_like(chance, EVEN))
                divergences.append(torch.where(loose, bernoulli_kl(logits, within), torch.zeros_like(logits)).sum())
            gates = torch.where(free, own, chance)
            return self._with_fixed(name, at, gates)

        with torch.set_grad_enabled(inferring):
            gates = self._heredity.gates(drawn)
            for decision in self._choices:
                gates[decision.name], divergence = self._chosen(decision, step, number)
                divergences.append(divergence)
        return for_forward(self._decisions, gates), sum(divergences, torch.zeros((), device=self._device))

    def _chosen(self, decision: Decision, step: int, number: int) -> tuple[Tensor, Tensor]:
        """A draw of a choice [E, N], and the divergence of its elements that are not fixed."""
        name, logits = decision.name, self._logits(decision.name)
        generator = stream(self._seed, self._stage, step, number, "selection", name)
        uniform = torch.rand(logits.shape, generator=generator).to(self._device)
        divergence = categorical_kl(logits, (~logits.isinf()).sum(-1).to(logits.dtype))
        loose = torch.where(self._given[name], torch.zeros_like(divergence), divergence).sum()
        return self._fixed.weights(name, relaxed_categorical(logits, uniform, self._temperature)), loose

    def _logits(self, name: str) -> Tensor:
        """Of a choice, without what some of its elements do not have."""
        gone = self._padding.get(name)
        return self.parameters[name] if gone is None else self.parameters[name].masked_fill(gone, -torch.inf)

    @torch.no_grad()
    def settled(self) -> Choices:
        """Gates that are more likely on than off, where they have a choice; of choices the likeliest option."""

        def likelier(name: str, at: Tensor, prior: Tensor | None) -> Tensor:
            own = (self.parameters[name].index_select(0, at) > 0).float()
            gates = own if prior is None else torch.where((prior > 0) & (prior < 1), own, prior)
            return self._with_fixed(name, at, gates)

        found = self._heredity.gates(likelier)
        for decision in self._choices:
            chosen = self._logits(decision.name).argmax(-1)
            hot = F.one_hot(chosen, self.parameters[decision.name].shape[-1]).float()
            found[decision.name] = self._fixed.weights(decision.name, hot)
        return for_forward(self._decisions, found)

    def chances(self) -> dict[str, Tensor]:
        """How likely every gate [E] is on where its prior leaves a choice, and every option of a choice [E, N]."""
        gates = {d.name: self.parameters[d.name].detach().sigmoid() for d in self._gates}
        choices = {d.name: self._logits(d.name).detach().softmax(-1) for d in self._choices}
        return {name: self._fixed.weights(name, weights) for name, weights in {**gates, **choices}.items()}

    def _with_fixed(self, name: str, at: Tensor, gates: Tensor) -> Tensor:
        if name not in self._fixed.names:
            return gates
        whole = torch.zeros_like(self.parameters[name]).index_copy(0, at, gates)
        return self._fixed.weights(name, whole).index_select(0, at)


class Normal:
    """Of some of a model's tensors: the model holds the means, and `parameters` the logarithms of the scales."""

    def __init__(self, means: Mapping[str, Parameter], start: float, seed: int, stage: str) -> None:
        self.means, self._seed, self._stage = dict(means), seed, stage
        logarithm = float(torch.tensor(start).log())
        self.parameters: Mapping[str, Parameter] = {
            f"scale:{name}": Parameter(torch.full_like(mean, logarithm)) for name, mean in means.items()
        }

    def noise(self, step: int, number: int) -> dict[str, Tensor]:
        """Standard normal, by the tensor's name."""
        found = {}
        for name, mean in self.means.items():
            generator = stream(self._seed, self._stage, step, number, "weights", name)
            found[name] = torch.randn(mean.shape, generator=generator).to(mean.device)
        return found

    @torch.no_grad()
    def move(self, noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Put a draw mean + scale · noise in the place of the means; gives what stood there."""
        before = {name: mean.detach().clone() for name, mean in self.means.items()}
        for name, mean in self.means.items():
            mean.add_(self.parameters[f"scale:{name}"].exp() * noise[name])
        return before

    @torch.no_grad()
    def put_back(self, before: Mapping[str, Tensor]) -> None:
        for name, mean in self.means.items():
            mean.copy_(before[name])

    def of_scales(self, gradients: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gradients of the scales' logarithms from those of a draw: ∂(mean + e^λ·ε)/∂λ = e^λ·ε."""
        return {
            f"scale:{name}": gradients[name] * self.parameters[f"scale:{name}"].detach().exp() * noise[name]
            for name in self.means
            if name in gradients
        }

    def divergence(self) -> Tensor:
        """From N(0, 1), of all tensors together."""
        total = torch.zeros(())
        for name, mean in self.means.items():
            total = total.to(mean.device) + normal_kl(mean, self.parameters[f"scale:{name}"]).sum()
        return total

"""Where the weights of decisions come from while a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.decisions import Decision

from .choices import Choices, Fixed, kind, one_hots, padding, shape
from .draws import Draws
from .randomness import stream
from .state import State, copied
from .steps import Step


class Choosing(Protocol):
    """`parameters` are what is learned of the decisions (none for most)."""

    parameters: Mapping[str, Parameter]

    def training(self, step: int) -> Choices: ...

    def settled(self) -> Choices:
        """Without chance: for evaluation."""
        ...


class Constant:
    """The same weights always."""

    def __init__(self, choices: Mapping[str, Tensor], device: torch.device) -> None:
        self.parameters: Mapping[str, Parameter] = {}
        self._choices = {name: weights.to(device) for name, weights in choices.items()}

    def training(self, step: int) -> Choices:
        return self._choices

    def settled(self) -> Choices:
        return self._choices


class Drawn:
    """An architecture of its own for every step; evaluated at `rest`."""

    def __init__(
        self,
        decisions: tuple[Decision, ...],
        draws: Draws,
        rest: Mapping[str, Tensor],
        seed: int,
        stage: str,
        device: torch.device,
    ) -> None:
        self.parameters: Mapping[str, Parameter] = {}
        self._decisions, self._draws, self._seed, self._stage, self._device = decisions, draws, seed, stage, device
        self._rest = {name: weights.to(device) for name, weights in rest.items()}

    def training(self, step: int) -> Choices:
        architecture = self._draws.at(self._seed, self._stage, step, "architecture")
        return {name: weights.to(self._device) for name, weights in one_hots(self._decisions, architecture).items()}

    def settled(self) -> Choices:
        return self._rest


class Gates:
    """Weights of the gates that a derived model kept, learned on from where the search left them; the others are 0."""

    def __init__(self, gates: Mapping[str, Tensor], device: torch.device) -> None:
        self.parameters: Mapping[str, Parameter] = {n: Parameter(w.to(device, copy=True)) for n, w in gates.items()}
        self._open = {name: weights.ne(0).to(device) for name, weights in gates.items()}

    def training(self, step: int) -> Choices:
        return {name: parameter * self._open[name] for name, parameter in self.parameters.items()}

    def settled(self) -> Choices:
        return {name: weights.detach() for name, weights in self.training(0).items()}


class Relaxed:
    """Logits of every decision, weighed by a relaxation (a module of `relaxations/`)."""

    def __init__(
        self,
        decisions: tuple[Decision, ...],
        relaxation: Any,
        options: Mapping[str, Any],
        steps: int,
        fixed: Fixed,
        seed: int,
        stage: str,
        device: torch.device,
    ) -> None:
        self._relax, self._options, self._steps, self._fixed = relaxation.relax, options, steps, fixed
        self._seed, self._stage, self._device = seed, stage, device
        self._kinds = {d.name: kind(d) for d in decisions}
        self._shapes = {d.name: shape(d) for d in decisions}
        self._padding = {d.name: gone.to(device) for d in decisions if (gone := padding(d)) is not None}
        self.parameters: Mapping[str, Parameter] = {d.name: self._start(d) for d in decisions}
        self.step = 0

    def _start(self, decision: Decision) -> Parameter:
        """initial ± spread, uniform: equal starts would tie, and hold symmetric options together."""
        generator = stream(self._seed, self._stage, "logits", decision.name)
        uniform = torch.rand(self._shapes[decision.name], generator=generator)
        start = self._options["initial"] + self._options["spread"] * (2 * uniform - 1)
        return Parameter(start.to(self._device))

    def training(self, step: int) -> Choices:
        self.step = step
        return self._weighed(Step(step, self._steps))

    @torch.no_grad()
    def settled(self) -> Choices:
        return self._weighed(Step(self.step, self._steps, training=False))

    def _weighed(self, step: Step) -> Choices:
        result = {}
        for name, logits in self.parameters.items():
            gone = self._padding.get(name)
            masked = logits if gone is None else logits.masked_fill(gone, -torch.inf)
            generator = stream(self._seed, self._stage, step.index, "noise", "choices", name)
            noise = torch.rand(self._shapes[name], generator=generator).to(self._device)
            weights = self._relax(masked, noise, step, self._kinds[name], self._options)
            result[name] = self._fixed.weights(name, weights)
        return result


def held(choosing: Choosing) -> State:
    """What has been learned of the decisions."""
    return State(copied(choosing.parameters), {"step": getattr(choosing, "step", 0)})


@torch.no_grad()
def give_back(choosing: Choosing, state: State) -> None:
    for name, parameter in choosing.parameters.items():
        parameter.copy_(state.tensors[name])
    if isinstance(choosing, Relaxed):
        choosing.step = int(state.facts["step"])

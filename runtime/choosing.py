"""Where the weights of decisions come from while a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.decisions import Decision

from .choices import CHANCE, Choices, Fixed, by_example, for_forward, kind, one_hots, padding, shape, tensors_of
from .draws import Draws
from .randomness import stream
from .state import State, copied
from .steps import Kind, Step


class Choosing(Protocol):
    """`parameters` are what is learned of the decisions (none for most)."""

    parameters: Mapping[str, Parameter]

    def training(self, step: int) -> Choices: ...

    def settled(self) -> Choices:
        """Without chance: for evaluation."""
        ...


class Constant:
    """The same weights always."""

    def __init__(
        self, choices: Mapping[str, Tensor], device: torch.device, decisions: tuple[Decision, ...] = ()
    ) -> None:
        self.parameters: Mapping[str, Parameter] = {}
        self._choices = for_forward(decisions, choices, device)

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
        self._rest = for_forward(decisions, rest, device)

    def training(self, step: int) -> Choices:
        architecture = self._draws.at(self._seed, self._stage, step, "architecture")
        return one_hots(self._decisions, architecture, self._device)

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
        return {name: weights.detach() for name, weights in tensors_of(self.training(0)).items()}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A decision with `given` under a relaxation, at one step."""

    relaxation: Any
    step: Step
    kind: Kind
    options: Mapping[str, Any]

    def __call__(self, logits: Tensor, noise: Tensor | None) -> Tensor:
        # In evaluation there is no noise, and nothing reads it.
        drawn = logits if noise is None else noise
        result: Tensor = self.relaxation.relax(logits, drawn, self.step, self.kind, self.options)
        return result

    def chance(self, logits: Tensor) -> Tensor:
        return chance(self.relaxation, logits, self(logits, None), self.step, self.options)


def chance(relaxation: Any, logits: Tensor, weights: Tensor, step: Step, options: Mapping[str, Any]) -> Tensor:
    """How likely gates are open: what the relaxation says of it, else their weights."""
    of = getattr(relaxation, "chance", None)
    result: Tensor = weights if of is None else of(logits, step, options)
    return result


class Relaxed:
    """Logits of every decision, weighed by a relaxation (a module of `relaxations/`).

    Decisions with `given` have none here: theirs come from the model.
    """

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
        self._relaxation, self._options, self._steps, self._fixed = relaxation, options, steps, fixed
        self._seed, self._stage, self._device = seed, stage, device
        self._kinds = {d.name: kind(d) for d in decisions}
        self._given = tuple(d.name for d in decisions if by_example(d))
        decisions = tuple(d for d in decisions if not by_example(d))
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
        result: Choices = {}
        for name in self._given:
            result[name] = Weighed(self._relaxation, step, self._kinds[name], self._options)
        for name, logits in self.parameters.items():
            gone = self._padding.get(name)
            masked = logits if gone is None else logits.masked_fill(gone, -torch.inf)
            generator = stream(self._seed, self._stage, step.index, "noise", "choices", name)
            noise = torch.rand(self._shapes[name], generator=generator).to(self._device)
            weights = self._relaxation.relax(masked, noise, step, self._kinds[name], self._options)
            result[name] = self._fixed.weights(name, weights)
            if self._kinds[name].name == "gate":
                open_ = chance(self._relaxation, masked, weights, step, self._options)
                result[name + CHANCE] = self._fixed.weights(name, open_)
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

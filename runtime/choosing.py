"""Where the weights of decisions come from while a model is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.decisions import Decision, Factors, Key, rank_names

from .choices import (
    CHANCE,
    FACTORS,
    TERMS,
    Choices,
    Fixed,
    for_forward,
    inside,
    kind,
    one_hots,
    padding,
    shape,
    tensors_of,
)
from .draws import Draws
from .factors import Logits, Terms, factors_shape, factors_start
from .options import Schedule
from .randomness import stream
from .references import binders_of
from .state import State, copied
from .steps import Kind, Step

EVEN = Schedule(1.0, 1.0)
Relax = Callable[[Tensor, Tensor, Step, Kind, Mapping[str, Any]], Tensor]


class Choosing(Protocol):
    """`parameters` are what is learned of the decisions (none for most)."""

    parameters: Mapping[str, Parameter]

    def training(self, step: int) -> Choices: ...

    def settled(self) -> Choices:
        """Without chance: for evaluation."""
        ...


class Bounding(Protocol):
    """What bounds on costs do to decisions while they are relaxed (`thrift.py`). `choices`: weights without chance."""

    def penalty(self, choices: Choices) -> Tensor: ...

    def moved(self, choices: Choices) -> None: ...

    def told(self, choices: Choices) -> list[dict[str, object]]: ...

    def state(self) -> dict[str, object]: ...

    def restore(self, facts: Mapping[str, Any]) -> None: ...


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

    name: str
    relaxation: Any
    step: Step
    kind: Kind
    options: Mapping[str, Any]
    fixed: Fixed

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        # In evaluation there is no noise, and nothing reads it.
        drawn = logits if noise is None else noise
        result: Tensor = self.relaxation.relax(logits, drawn, self.step, self.kind, self.options)
        return result if at is None else self.fixed.looked_up(self.name, result, at)

    def chance(self, logits: Tensor) -> Tensor:
        return chance(self.relaxation, logits, self(logits, None), self.step, self.options)


def chance(relaxation: Any, logits: Tensor, weights: Tensor, step: Step, options: Mapping[str, Any]) -> Tensor:
    """How likely gates are open: what the relaxation says of it, else their weights."""
    of = getattr(relaxation, "chance", None)
    result: Tensor = weights if of is None else of(logits, step, options)
    return result


@dataclass(frozen=True, slots=True)
class Portion:
    """What a step along an index learns of decisions. Rows are elements, of factored logits groups of factors.

    rows   decision → the rows that are learned, rising
    there  decision → elements that are in the model, bool [E]: gates of the others are 0
    held   decision → logits or factors as steps before have left them, whole; empty in the first step
    settled  decision → elements [E] that are settled in this step, and weights [E] or [E, N] that those have
    """

    rows: Mapping[str, Tensor]
    there: Mapping[str, Tensor]
    held: Mapping[str, Tensor]
    settled: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


EVERYTHING = Portion({}, {}, {})


class Relaxed:
    """Logits of every decision, weighed by a relaxation (a module of `relaxations/`).

    Factored ones are computed from their factors first; these are what is learned. Decisions with `given` have no
    logits here: theirs come from the model. Of those that `portion` names only some rows are learned.
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
        portion: Portion = EVERYTHING,
        thrift: Bounding | None = None,
    ) -> None:
        """`thrift`: what bounds on costs add to the loss."""
        self._relaxation, self._options, self._steps, self._fixed = relaxation, options, steps, fixed
        self._seed, self._stage, self._device = seed, stage, device
        self._kinds = {d.name: kind(d) for d in decisions}
        self._given = tuple(d.name for d in decisions if inside(d))
        decisions = tuple(d for d in decisions if not inside(d))
        self._shapes = {d.name: shape(d) for d in decisions}
        self._logits = {d.name: Logits(d.factors, device) for d in decisions if d.factors is not None}
        self._terms = {
            d.name: Terms(d.factors.ranks, d.factors.rank, device)
            for d in decisions
            if d.factors is not None and d.factors.ranks is not None
        }
        self._ranks = rank_names(decisions)
        able = relaxation.promise.domains
        self._unable = {
            d.name for d in decisions if d.name in self._ranks and any(k.kind not in able for k in d.domains)
        }
        self._padding = {d.name: gone.to(device) for d in decisions if (gone := padding(d)) is not None}
        # What weighs as its logits is known by its factors; but not where some elements were settled beforehand.
        self._groups = {
            d.name: self._present(d, d.factors, portion)
            for d in decisions
            if d.factors is not None and relaxation.promise.identity and d.name not in fixed.names
        }
        self._rows = {name: rows.to(device) for name, rows in portion.rows.items()}
        self._there = {name: there.to(device) for name, there in portion.there.items()}
        self._settled = {n: (mask.to(device), w.to(device)) for n, (mask, w) in portion.settled.items()}
        self._whole = {d.name: portion.held[d.name] if d.name in portion.held else self._start(d) for d in decisions}
        self._whole = {name: whole.to(device) for name, whole in self._whole.items()}
        self.parameters: Mapping[str, Parameter] = {
            name: Parameter(whole[self._rows[name]] if name in self._rows else whole.clone())
            for name, whole in self._whole.items()
            if name not in self._rows or len(self._rows[name])
        }
        self.step, self.thrift = 0, thrift
        self.blocks = {d.name: block.to(device) for d in decisions if (block := block_of(d)) is not None}

    def _start(self, decision: Decision) -> Tensor:
        """initial ± spread, uniform: equal starts would tie, and hold symmetric options together. Factors: normal."""
        generator = stream(self._seed, self._stage, "logits", decision.name)
        initial, spread = self._options["initial"], self._options.get("spread", 0.0)
        if decision.factors is not None:
            return factors_start(factors_shape(decision, decision.factors), initial, spread, generator)
        uniform = torch.rand(self._shapes[decision.name], generator=generator)
        return torch.as_tensor(initial + spread * (2 * uniform - 1))

    def _present(self, decision: Decision, factors: Factors, portion: Portion) -> Tensor:
        """1 for every group [G, 1, 1] that is in the model, 0 for the others."""
        group_E = torch.tensor(factors.group_of, dtype=torch.long)
        there_E = portion.there.get(decision.name, torch.ones_like(group_E))
        present_G = torch.zeros(len(factors.groups)).index_put((group_E,), there_E.float())
        return present_G[:, None, None].to(self._device)

    def whole(self) -> dict[str, Tensor]:
        """Logits and factors, those that are not learned here included; gradients reach the parameters."""
        found = {**self._whole, **self.parameters}
        for name in self._rows.keys() & self.parameters.keys():
            found[name] = self._whole[name].index_copy(0, self._rows[name], self.parameters[name])
        return found

    def training(self, step: int) -> Choices:
        self.step = step
        return self._weighed(Step(step, self._steps))

    @torch.no_grad()
    def settled(self) -> Choices:
        return self._weighed(Step(self.step, self._steps, training=False))

    @torch.no_grad()
    def likely(self) -> Choices:
        """How much options weigh beside each other: as settled, but soft also where a relaxation hands on one alone."""
        return self._softly({"straight_through": False})

    @torch.no_grad()
    def untempered(self) -> dict[str, Tensor]:
        """Weights of gates [E] as they would be at a temperature of one."""
        found = tensors_of(self._softly({"straight_through": False, "temperature": EVEN}))
        return {name: weights for name, weights in found.items() if self._kinds[name].name == "gate"}

    def _softly(self, options: Mapping[str, Any]) -> Choices:
        """Weights without chance, by other options of the relaxation."""
        soft = {**self._options, **options}
        of = getattr(self._relaxation, "likely", self._relaxation.relax)
        relax = lambda logits, noise, step, kind, _: of(logits, noise, step, kind, soft)  # noqa: E731
        return self._weighed(Step(self.step, self._steps, training=False), relax=relax)

    @torch.no_grad()
    def to_derive(self) -> Choices:
        """As settled, but with logits of the rank that weighs most alone: what an architecture is made of."""
        return self._weighed(Step(self.step, self._steps, training=False), settled_ranks=True)

    def _weighed(self, step: Step, settled_ranks: bool = False, relax: Relax | None = None) -> Choices:
        """`relax`: in place of the relaxation's own."""
        result: Choices = {}
        for name in self._given:
            result[name] = Weighed(name, self._relaxation, step, self._kinds[name], self._options, self._fixed)
        whole = self.whole()
        ranks = {name: self._weigh(name, whole[name], step, relax) for name in whole if name in self._ranks}
        result |= {name: self._put(name, weights) for name, (_, weights) in ranks.items()}
        for name, own in whole.items():
            if name in ranks:
                continue
            terms = self._counted(name, result, settled_ranks)
            logits = self._logits[name](own, terms) if name in self._logits else own
            masked, weights = self._weigh(name, logits, step, relax)
            result[name] = self._put(name, weights)
            if self._kinds[name].name == "gate":
                result[name + CHANCE] = self._put(name, chance(self._relaxation, masked, weights, step, self._options))
            if name in self._groups:
                result[name + FACTORS] = own * self._groups[name]
                result |= {} if terms is None else {name + TERMS: terms}
        return result

    def _weigh(self, name: str, logits: Tensor, step: Step, relax: Relax | None) -> tuple[Tensor, Tensor]:
        """Logits without what an element has no such option for, and their weights. Of a rank that the relaxation has no
        weights for these are the softmax of its logits."""
        gone = self._padding.get(name)
        masked = logits if gone is None else logits.masked_fill(gone, -torch.inf)
        if name in self._unable:
            return masked, masked.softmax(-1)
        generator = stream(self._seed, self._stage, step.index, "noise", "choices", name)
        noise = torch.rand(self._shapes[name], generator=generator).to(self._device)
        return masked, (relax or self._relaxation.relax)(masked, noise, step, self._kinds[name], self._options)

    def _counted(self, name: str, weights: Choices, settled: bool) -> Tensor | None:
        """How much the terms of factored logits count [G, R]; None where the rank is no decision."""
        if name not in self._terms:
            return None
        of_rank = weights[self._terms[name].decision]
        assert isinstance(of_rank, Tensor)
        if settled:
            of_rank = torch.nn.functional.one_hot(of_rank.argmax(-1), of_rank.shape[-1]).to(of_rank.dtype)
        return self._terms[name](of_rank)

    def penalty(self) -> Tensor | None:
        """What the relaxation, and bounds on costs, add to the loss."""
        of, terms = getattr(self._relaxation, "penalty", None), list[Tensor]()
        if of is not None:
            logits = [self._logits[n](whole) if n in self._logits else whole for n, whole in self.whole().items()]
            terms += [of(one, self._options) for one in logits]
        if self.thrift is not None:
            terms.append(self.thrift.penalty(self._weighed(Step(self.step, self._steps, training=False))))
        return torch.stack(terms).sum() if terms else None

    @torch.no_grad()
    def moved(self, rate: float) -> None:
        """After a step: logits brought back to where the relaxation has them, those made of factors apart; after one of the
        weights multipliers of bounds too."""
        bounded = getattr(self._relaxation, "bounded", None)
        if bounded is not None:
            for name, parameter in self.parameters.items():
                if name not in self._logits:
                    parameter.copy_(bounded(parameter))
        if self.thrift is not None and rate > 0:
            self.thrift.moved(self.settled())

    def _put(self, name: str, weights: Tensor) -> Tensor:
        """Weights with those of elements that are not in the model yet, or settled, and of fixed ones, put in their place."""
        there = self._there.get(name)
        present = weights if there is None else torch.where(there, weights, torch.zeros_like(weights))
        if name in self._settled:
            mask, settled = self._settled[name]
            present = torch.where(mask if present.ndim == 1 else mask.unsqueeze(1), settled, present)
        return self._fixed.weights(name, present)


def block_of(decision: Decision) -> Tensor | None:
    """The block of every element: those that differ in the last part of the index alone are one. None for one part."""
    if decision.keys is None or len(decision.axes) < 2 or decision.factors is not None:
        return None
    last = len(binders_of(decision.axes[-1]))
    number: dict[Key, int] = {}
    return torch.tensor([number.setdefault(key[:-last], len(number)) for key in decision.keys], dtype=torch.long)


def held(choosing: Choosing) -> State:
    """What has been learned of the decisions."""
    facts: dict[str, Any] = {"step": getattr(choosing, "step", 0)}
    thrift = getattr(choosing, "thrift", None)
    return State(copied(choosing.parameters), facts if thrift is None else {**facts, "thrift": thrift.state()})


@torch.no_grad()
def give_back(choosing: Choosing, state: State) -> None:
    for name, parameter in choosing.parameters.items():
        parameter.copy_(state.tensors[name])
    if isinstance(choosing, Relaxed):
        choosing.step = int(state.facts["step"])
        if choosing.thrift is not None:
            choosing.thrift.restore(state.facts["thrift"])

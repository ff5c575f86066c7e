"""Decisions as tensors: the `choices` of `forward`. E elements of a decision, N options (the most that one has)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from recspace.compiler.decisions import Architecture, Decision, Options, opened, packed
from recspace.compiler.ir import Graph

from .randomness import Name, stream
from .steps import Kind

Option = int | tuple[int, ...] | float


class Weigher(Protocol):
    """Weighs a decision whose logits exist only inside of the model, where the generated code calls it."""

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        """Weights of the shape of the logits: [B, rows], of choices [B, rows, N]. `noise`: None in evaluation. `at`
        [B, rows]: of what is decided for values the elements of the decision, −1 for a value never seen."""
        ...

    def chance(self, logits: Tensor) -> Tensor:
        """How likely every gate is open, [B, rows]."""
        ...


Choices = dict[str, Tensor | Weigher]
"""What `forward` is given. Of a gate g that some penalty counts, `g:chance` is how likely its elements are open. Where
the weights are factored logits themselves, `g:factors` [groups, R, members] holds what they are made of, and `g:terms`
[groups, R] how much each term counts if the rank is searched."""
CHANCE, FACTORS, TERMS = ":chance", ":factors", ":terms"


@dataclass(frozen=True, slots=True)
class Set:
    """The same weights whatever the logits are: a decision with `given` before anything searches it."""

    weights: Tensor

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        weights = self.weights.to(logits)
        return weights.expand_as(logits) if at is None else weights[at.clamp(min=0)]

    def chance(self, logits: Tensor) -> Tensor:
        return self(logits, None)


def tensors_of(choices: Mapping[str, Tensor | Weigher]) -> dict[str, Tensor]:
    """The weights of decisions themselves, without weighers, chances, factors and terms."""
    return {n: w for n, w in choices.items() if isinstance(w, Tensor) and not n.endswith((CHANCE, FACTORS, TERMS))}


def searched(graph: Graph) -> tuple[Decision, ...]:
    """The decisions of a space, without those that have no element on the data at hand (`bins[f in numeric]`)."""
    return tuple(d for d in graph.decisions if d.elements)


def by_example(decision: Decision) -> bool:
    """Whether its logits exist only for an example at hand: for its features, or in the objective for its label too."""
    return decision.given in ("example", "objective")


def over_elements(decision: Decision) -> bool:
    """Whether its own elements are those of an example (`elements(f)`), and so other ones in every example."""
    return any("elements(" in axis for axis in decision.axes)


def by_value(decision: Decision) -> bool:
    """Whether an expression gives the logits of every value of a field."""
    return decision.given == "data" and bool(decision.per_value)


def inside(decision: Decision) -> bool:
    """Whether its logits exist only inside of a model: it is weighed by a `Weigher`."""
    return by_example(decision) or by_value(decision)


def kind(decision: Decision) -> Kind:
    """How its weights are shaped. A real has its value itself: shaped like a gate."""
    match decision.domains[0].kind:
        case "gate" | "real":
            return Kind("gate")
        case "subset":
            highs = [int(domain.high) for domain in decision.domains]
            differ = len(set(highs)) > 1
            return Kind("subset", max(highs), tuple(highs[k] for k in decision.domain_of) if differ else ())
        case "number" | "name" | "alternative" | "range":
            return Kind("choice")


def width(decision: Decision) -> int:
    return max(count(decision, k) for k in range(len(decision.domains)))


def count(decision: Decision, domain: int) -> int:
    """Options of one of a decision's domains; ranges too long to be listed are known by their ends."""
    listed = decision.domains[domain]
    return len(listed.options) or int(listed.high - listed.low) + 1


def domain_at(decision: Decision, element: int) -> int:
    """Which of a decision's domains an element has."""
    return decision.domain_of[element] if decision.domain_of else 0


def shape(decision: Decision) -> tuple[int, ...]:
    return (decision.elements,) if kind(decision).name == "gate" else (decision.elements, width(decision))


def padding(decision: Decision) -> Tensor | None:
    """True [E, N] where an element has no such option; None where all have all."""
    counts = torch.tensor([count(decision, k) for k in range(len(decision.domains))])
    if kind(decision).name == "gate" or bool((counts == counts[0]).all()):
        return None
    domain_E = torch.tensor(decision.domain_of or (0,) * decision.elements)
    return torch.arange(width(decision)) >= counts[domain_E].unsqueeze(1)


def one_hot(decision: Decision, options: Options) -> Tensor:
    """Weights of settled options: [E] for gates and reals, [E, N] with ones where chosen."""
    if decision.packed:
        return torch.from_numpy(opened(options).astype(np.float32))
    if kind(decision).name == "gate":
        return torch.tensor([float(o) for o in options if not isinstance(o, tuple)])
    weights = torch.zeros(shape(decision))
    for element, option in enumerate(options):
        for position in option if isinstance(option, tuple) else (option,):
            weights[element, int(position)] = 1.0
    return weights


def one_hots(
    decisions: tuple[Decision, ...], architecture: Architecture, device: torch.device | None = None
) -> Choices:
    return for_forward(decisions, {d.name: one_hot(d, architecture[d.name]) for d in decisions}, device)


def for_forward(
    decisions: tuple[Decision, ...], weights: Mapping[str, Tensor], device: torch.device | None = None
) -> Choices:
    """Weights as `forward` wants them: of decisions with `given` as what is called there."""
    given = {d.name for d in decisions if inside(d)}
    moved = {name: w if device is None else w.to(device) for name, w in weights.items()}
    return {name: Set(w) if name in given else w for name, w in moved.items()}


def even(decision: Decision) -> Tensor:
    """Equal weights: one half for gates, one over the options, members of a set as many as may be in it."""
    form = kind(decision)
    if form.name == "gate":
        return torch.full((decision.elements,), 0.5)
    gone = padding(decision)
    present = torch.ones(shape(decision)) if gone is None else (~gone).float()
    return (present * form.sizes_of(present) / present.sum(-1, keepdim=True)).clamp(max=1.0)


def drawn(decisions: tuple[Decision, ...], seed: int, *names: Name) -> dict[str, Options]:
    """An architecture, every option of every element alike; of sets first the size, then the members."""
    return {d.name: _drawn(d, stream(seed, *names, d.name)) for d in decisions}


def _drawn(decision: Decision, generator: torch.Generator) -> Options:
    drawn_E = torch.rand(decision.elements, generator=generator, dtype=torch.float64)
    if decision.packed:
        return packed((drawn_E * 2).numpy() >= 1)
    uniform_E = drawn_E.tolist()
    result: list[Option] = []
    for element, u in enumerate(uniform_E):
        domain = decision.domain(element)
        total = len(domain.options) or int(domain.high - domain.low) + 1
        match domain.kind:
            case "subset":
                size = int(domain.low) + int(u * (int(domain.high) - int(domain.low) + 1))
                members = torch.randperm(total, generator=generator)[:size].tolist()
                result.append(tuple(sorted(members)))
            case "real" if domain.log:
                result.append(domain.low * (domain.high / domain.low) ** u)
            case "real":
                result.append(domain.low + (domain.high - domain.low) * u)
            case "gate" | "number" | "name" | "alternative" | "range":
                result.append(int(u * total))
    return tuple(result)


class Fixed:
    """Elements that were settled beforehand. `options[decision][element]` is the option."""

    def __init__(self, decisions: tuple[Decision, ...], options: Mapping[str, Mapping[int, Option]]) -> None:
        self.options = options
        self.names = frozenset(name for name, settled in options.items() if settled)
        self._held: dict[str, tuple[Tensor, Tensor]] = {}
        for decision in decisions:
            settled = options.get(decision.name, {})
            if settled:
                mask_E = torch.zeros(decision.elements, dtype=torch.bool)
                mask_E[list(settled)] = True
                hot = one_hot(decision, put(decision.hand_made, settled))
                self._held[decision.name] = (mask_E if hot.ndim == 1 else mask_E.unsqueeze(1), hot)

    def joined(self, decisions: tuple[Decision, ...], settled: Mapping[str, Mapping[int, Option]]) -> Fixed:
        """These and others that a stage has settled; what was fixed beforehand stays as it was."""
        if not settled:
            return self
        names = {**self.options, **settled}
        return Fixed(decisions, {n: {**settled.get(n, {}), **self.options.get(n, {})} for n in names})

    def weights(self, name: str, weights: Tensor) -> Tensor:
        """The weights with those of fixed elements put in their place; no gradient reaches what they replace."""
        if name not in self._held:
            return weights
        mask, hot = (t.to(weights.device) for t in self._held[name])
        return torch.where(mask, hot, weights)

    def looked_up(self, name: str, weights: Tensor, at: Tensor) -> Tensor:
        """The same for weights [B, …] of the elements `at` [B, …]."""
        if name not in self._held:
            return weights
        mask, hot = (t.to(weights.device)[at.clamp(min=0)] for t in self._held[name])
        return torch.where(mask, hot.to(weights), weights)

    def architecture(self, architecture: Architecture) -> dict[str, Options]:
        return {name: put(options, self.options.get(name, {})) for name, options in architecture.items()}


def put(options: Options, settled: Mapping[int, Option]) -> Options:
    """Options with those of settled elements put in their place."""
    if not settled:
        return options
    if isinstance(options, bytes):
        on = opened(options).copy()
        on[list(settled)] = [option == 1 for option in settled.values()]
        return packed(on)
    return tuple(settled.get(e, option) for e, option in enumerate(options))

"""Policies over architectures: every element of every decision is an action, with logits and the value of what is to come.

independent   a logit for each option of each element; one value
mlp           elements one after the other: layers on what element it is and on the mean of what was taken before
recurrent     the same with an LSTM that reads what was taken before (Zoph and Le, ICLR 2017; NIS, KDD 2020)

T elements of all decisions together, N options at most, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import linear

from recspace.compiler.decisions import Decision, Options, packed

from .choices import count
from .randomness import stream

LONGEST = 2_000
"""Elements that a policy takes one after the other, at most."""
SMALLEST = 1e-7


@dataclass(frozen=True, slots=True)
class Drawn:
    """Actions [T]; the logarithm of how likely each was [T], the entropy it was drawn with [T], and the value of what was to
    come when it was taken: [T], or [1] for all. Gradients reach the policy."""

    actions: Tensor
    likelihood: Tensor
    entropy: Tensor
    value: Tensor


def reinforced(drawn: Drawn, better: Tensor | float, there_T: Tensor, entropy: float) -> Tensor:
    """−Σ_t (log π(a_t) · better_t + entropy · H(π_t)) over the elements that exist: what REINFORCE (Williams, 1992) descends.
    `better`: what the reward has over what was expected, a number or one for each element; no gradient goes through it."""
    return -((drawn.likelihood * better + entropy * drawn.entropy) * there_T).sum()


class Policy(Protocol):
    """`parameters` are what is learned."""

    parameters: Mapping[str, Parameter]

    def draw(self, noise: Tensor | None) -> Drawn:
        """By uniform noise [T, N]; without, the likeliest of every element."""
        ...


class Slots:
    """The elements of decisions as the places of one list."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.decisions = tuple(decisions)
        counts = [torch.tensor([count(d, k) for k in range(len(d.domains))]) for d in decisions]
        own = [c[torch.tensor(d.domain_of or (0,) * d.elements)] for c, d in zip(counts, decisions, strict=True)]
        self.counts = torch.cat(own) if own else torch.zeros(0, dtype=torch.long)
        self.size, self.widest = len(self.counts), max([1, *self.counts.tolist()])
        self.gone = torch.arange(self.widest) >= self.counts.unsqueeze(1)

    def options(self, actions: Tensor) -> dict[str, Options]:
        """Actions [T] as an architecture."""
        found: dict[str, Options] = {}
        parts = torch.split(actions, [d.elements for d in self.decisions])
        for decision, own in zip(self.decisions, parts, strict=True):
            found[decision.name] = packed((own == 1).numpy()) if decision.packed else tuple(own.tolist())
        return found

    def flat(self, per_element: Mapping[str, Sequence[bool]]) -> Tensor:
        """What is known of every element as one list: bool [T]."""
        return torch.tensor([bool(one) for d in self.decisions for one in per_element[d.name]], dtype=torch.bool)


def taken(logits: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Of logits [.., N] the action, the logarithm of how likely it is and the entropy: [..] each."""
    log_p = logits.log_softmax(-1)
    gumbel = 0.0 if noise is None else -(-noise.clamp(SMALLEST, 1 - SMALLEST).log()).log()
    action = (log_p.detach() + gumbel).argmax(-1)
    p = log_p.exp()
    entropy = -(p * log_p.masked_fill(p == 0, 0.0)).sum(-1)
    return action, log_p.gather(-1, action.unsqueeze(-1)).squeeze(-1), entropy


class Independent:
    """A logit for each option of each element; one value, that of every architecture."""

    def __init__(self, slots: Slots) -> None:
        self._gone = slots.gone
        logits = torch.zeros(slots.size, slots.widest)
        self.parameters: Mapping[str, Parameter] = {"logits": Parameter(logits), "value": Parameter(torch.zeros(1))}

    def draw(self, noise: Tensor | None) -> Drawn:
        logits = self.parameters["logits"].masked_fill(self._gone, -torch.inf)
        return Drawn(*taken(logits, noise), self.parameters["value"])

    @torch.no_grad()
    def shares(self) -> Tensor:
        """How likely every option is: [T, N]."""
        return self.parameters["logits"].masked_fill(self._gone, -torch.inf).softmax(-1)


class _Sequential:
    """Elements one after the other. What is known of an element and of an option taken are learned vectors [H]."""

    def __init__(
        self, slots: Slots, widths: Sequence[int], seed: int, stage: str, extra: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._slots, hidden = slots, int(widths[-1])
        shapes = {
            "element": (slots.size, hidden),
            "option": (slots.widest + 1, hidden),
            "logits.weight": (slots.widest, hidden),
            "logits.bias": (slots.widest,),
            "value.weight": (1, hidden),
            "value.bias": (1,),
            **extra,
        }
        self.parameters: Mapping[str, Parameter] = {
            name: Parameter(_start(shape, seed, stage, name)) for name, shape in shapes.items()
        }

    def _answer(self, hidden_H: Tensor) -> tuple[Tensor, Tensor]:
        p = self.parameters
        return linear(hidden_H, p["logits.weight"], p["logits.bias"]), linear(
            hidden_H, p["value.weight"], p["value.bias"]
        )

    def draw(self, noise: Tensor | None) -> Drawn:
        memory, before = self._begin(), self.parameters["option"][self._slots.widest]
        found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for t in range(self._slots.size):
            hidden_H, memory = self._next(t, before, memory)
            logits_N, value = self._answer(hidden_H)
            masked_N = logits_N.masked_fill(self._slots.gone[t], -torch.inf)
            action, likelihood, entropy = taken(masked_N, None if noise is None else noise[t])
            before = self.parameters["option"][action]
            found.append((action, likelihood, entropy, value.squeeze(-1)))
        actions, likelihoods, entropies, values = (torch.stack(part) for part in zip(*found, strict=True))
        return Drawn(actions, likelihoods, entropies, values)

    def _begin(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _next(self, t: int, before_H: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        raise NotImplementedError


class Mlp(_Sequential):
    """Layers with tanh on the vectors of the element and of what was taken before, side by side."""

    def __init__(self, slots: Slots, widths: Sequence[int], seed: int, stage: str) -> None:
        inner = [2 * int(widths[-1]), *map(int, widths)]
        layers = {f"layer{k}.weight": (o, i) for k, (i, o) in enumerate(pairwise(inner))}
        biases = {f"layer{k}.bias": (o,) for k, o in enumerate(inner[1:])}
        self._depth = len(widths)
        super().__init__(slots, widths, seed, stage, {**layers, **biases})

    def _begin(self) -> tuple[Tensor, ...]:
        return (torch.zeros(self.parameters["option"].shape[1]),)

    def _next(self, t: int, before_H: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        (mean_H,) = memory
        mean_H = mean_H + (before_H - mean_H) / (t + 1)
        x = torch.cat([self.parameters["element"][t], mean_H])
        for k in range(self._depth):
            x = linear(x, self.parameters[f"layer{k}.weight"], self.parameters[f"layer{k}.bias"]).tanh()
        return x, (mean_H,)


class Recurrent(_Sequential):
    """An LSTM; its input is the vector of the element and that of the option taken before, added up."""

    def __init__(self, slots: Slots, widths: Sequence[int], seed: int, stage: str) -> None:
        hidden = int(widths[-1])
        extra = {"inner.weight": (4 * hidden, hidden), "outer.weight": (4 * hidden, hidden), "lstm.bias": (4 * hidden,)}
        super().__init__(slots, widths, seed, stage, extra)

    def _begin(self) -> tuple[Tensor, ...]:
        zero_H = torch.zeros(self.parameters["option"].shape[1])
        return zero_H, zero_H

    def _next(self, t: int, before_H: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        p, (hidden_H, cell_H) = self.parameters, memory
        gates = linear(p["element"][t] + before_H, p["outer.weight"], p["lstm.bias"]) + linear(
            hidden_H, p["inner.weight"]
        )
        forget_H, enter_H, show_H, new_H = gates.chunk(4)
        cell_H = forget_H.sigmoid() * cell_H + enter_H.sigmoid() * new_H.tanh()
        hidden_H = show_H.sigmoid() * cell_H.tanh()
        return hidden_H, (hidden_H, cell_H)


def _start(shape: tuple[int, ...], seed: int, stage: str, name: str) -> Tensor:
    """Uniform in ±0.1, as NAS has it; offsets at 0."""
    if name.endswith("bias"):
        return torch.zeros(shape)
    return torch.empty(shape).uniform_(-0.1, 0.1, generator=stream(seed, stage, "policy", name))


def policy_of(network: str, slots: Slots, widths: Sequence[int], seed: int, stage: str) -> Policy:
    match network:
        case "mlp":
            return Mlp(slots, widths, seed, stage)
        case "recurrent":
            return Recurrent(slots, widths, seed, stage)
        case _:
            return Independent(slots)


def noise_of(slots: Slots, seed: int, *names: str | int) -> Tensor:
    """Uniform numbers [T, N] of their own for each draw."""
    return torch.rand((slots.size, slots.widest), generator=stream(seed, *names))

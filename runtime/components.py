"""A network that generates architectures component after component (AutoIAS, Wei et al., CIKM 2021).

A component is a decision with all of its elements. Its options are drawn by logits that are made of the state: what was
taken in the components before it. The state then takes up the vectors of what was taken here.

    hidden_e = tanh(W_c · state + b_c + element_e),   logits_e = hidden_e · O,   state += mean over e of option_{c, a_e}

T elements of all decisions together, E of one, N options at most, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Parameter

from .policy import Drawn, Slots, taken
from .randomness import stream


class Components:
    """A `Policy`; its value is a constant of its own, and no part of the state."""

    def __init__(self, slots: Slots, hidden: int, seed: int, stage: str) -> None:
        self._slots = slots
        self._sizes = [decision.elements for decision in slots.decisions]
        count, n = len(self._sizes), slots.widest
        shapes = {
            "inner": (count, hidden, hidden), "bias": (count, hidden), "element": (slots.size, hidden),
            "option": (count * n, hidden), "outer": (n, hidden), "value": (1,),
        }  # fmt: skip
        self.parameters: Mapping[str, Parameter] = {
            name: Parameter(_start(shape, name in ("bias", "value"), seed, stage, name))
            for name, shape in shapes.items()
        }

    def draw(self, noise: Tensor | None) -> Drawn:
        p, n, start = self.parameters, self._slots.widest, 0
        state_H = torch.zeros(p["element"].shape[1])
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for component, size in enumerate(self._sizes):
            at = slice(start, start + size)
            hidden_EH = (p["inner"][component] @ state_H + p["bias"][component] + p["element"][at]).tanh()
            logits_EN = hidden_EH @ p["outer"].T
            action_E, likelihood_E, entropy_E = taken(
                logits_EN.masked_fill(self._slots.gone[at], -torch.inf), None if noise is None else noise[at]
            )
            state_H = state_H + p["option"][component * n + action_E].mean(0)
            found.append((action_E, likelihood_E, entropy_E))
            start += size
        actions, likelihoods, entropies = (torch.cat(part) for part in zip(*found, strict=True))
        return Drawn(actions, likelihoods, entropies, p["value"])


def _start(shape: tuple[int, ...], zero: bool, seed: int, stage: str, name: str) -> Tensor:
    """Uniform in ±0.1; offsets at 0."""
    if zero:
        return torch.zeros(shape)
    return torch.empty(shape).uniform_(-0.1, 0.1, generator=stream(seed, stage, "components", name))

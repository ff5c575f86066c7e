"""Bounds on costs while decisions are relaxed: what architectures are expected to cost, and a multiplier for each bound.

`require parameters(e) <= 30%` becomes part of what is minimized, an exact penalty: loss + Σ_b λ_b · max(0, E[c_b] / m_b − 1), where λ_b
rises by how far the bound m_b is broken, and falls, never below 0, where there is room. Within the bounds nothing is added, so that
what is searched stays near them and is not driven on. E[c_b] is of the first order around the architecture that weighs most
(`compiler/prices.py`), which is exact where costs add up. E elements, N options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.budgets import Purse
from recspace.compiler.decisions import Architecture, Decision, Options
from recspace.compiler.prices import Prices, prices

from .cells import Cells
from .choices import CHANCE, Choices, Fixed, by_example
from .context import Context
from .recipe import StageCall
from .task import architecture_from, architecture_json

OFTEN = 100
"""Options in all up to which prices are found anew with every fifth of a stage; of more they stay as they are."""
TIMES = 5
RISE = 10.0
"""What a multiplier rises by over a whole stage, if its bound is broken by as much again all the time."""


class Thrift:
    """Multipliers, and the architecture around which costs are expected."""

    def __init__(
        self, purse: Purse, decisions: Sequence[Decision], fixed: Fixed, cells: Mapping[str, Cells], rate: float, steps: int, device: torch.device
    ) -> None:  # fmt: skip
        """`decisions`: those that are learned here; `cells`: of gates of values, the numbers of tables that they gate."""
        self._purse, self._fixed, self._cells, self._rate, self._device = purse, fixed, cells, rate, device
        self._priced = tuple(d for d in decisions if not d.per_value and not by_example(d) and d.name not in cells)
        self._every = max(1, steps // TIMES)
        self._often = sum(len(d.domain(e).options) for d in self._priced for e in range(d.elements)) <= OFTEN
        self._at = 0
        self._base: Architecture = fixed.architecture({d.name: d.hand_made for d in decisions})
        self.multipliers = [0.0] * len(purse.bounds)
        self._prices: tuple[Prices, ...] | None = None
        self._more: list[dict[str, Tensor]] = []
        self._opened: list[dict[str, Tensor]] = []

    def expected(self, choices: Choices) -> list[Tensor]:
        """What is expected of every bound's cost, in its unit. `choices`: weights without chance, gradients and all."""
        self._find_prices()
        assert self._prices is not None
        return [
            price.at + _sum([*_terms(choices, more), *_gates(choices, opened)], self._device)
            for price, more, opened in zip(self._prices, self._more, self._opened, strict=True)
        ]

    def broken(self, choices: Choices) -> list[Tensor]:
        """By how much every bound is expected to be broken, as a share of it: below 0 where there is room."""
        bounds = self._purse.bounds
        return [own / max(b.most, 1) - 1 for own, b in zip(self.expected(choices), bounds, strict=True)]

    def penalty(self, choices: Choices) -> Tensor:
        """What the bounds add to the loss."""
        return _sum(
            [m * own.relu() for m, own in zip(self.multipliers, self.broken(choices), strict=True) if m], self._device
        )

    @torch.no_grad()
    def moved(self, choices: Choices) -> None:
        """After a step: multipliers rise or fall, by their rate at most; with a fifth of the stage prices are found anew."""
        self._at += 1
        for k, own in enumerate(self.broken(choices)):
            self.multipliers[k] = max(0.0, self.multipliers[k] + self._rate * min(max(float(own), -1.0), 1.0))
        if self._often and self._at % self._every == 0:
            self._base = self._likeliest(choices)
            self._prices = None

    def told(self, choices: Choices) -> list[dict[str, object]]:
        """Of every bound what is expected, what is allowed, and its multiplier."""
        with torch.no_grad():
            expected = [round(float(own)) for own in self.expected(choices)]
        return [
            {"require": b.text, "expected": b.said(own), "allowed": b.said(b.most), "multiplier": m}
            for b, own, m in zip(self._purse.bounds, expected, self.multipliers, strict=True)
        ]

    def state(self) -> dict[str, object]:
        """Plain data."""
        return {"at": self._at, "base": architecture_json(self._base), "multipliers": list(self.multipliers)}

    def restore(self, facts: Mapping[str, Any]) -> None:
        base = architecture_from(facts["base"])
        assert base is not None
        self._at, self._base, self._prices = int(facts["at"]), base, None
        self.multipliers = [float(own) for own in facts["multipliers"]]

    def _likeliest(self, choices: Choices) -> Architecture:
        """What weighs most; of what has no price here as it was."""
        found: dict[str, Options] = dict(self._base)
        for decision in self._priced:
            weights = choices[decision.name]
            kind = decision.domains[0].kind
            if not isinstance(weights, Tensor) or kind in ("subset", "real"):
                continue
            if kind == "gate":
                found[decision.name] = tuple((_chance(choices, decision.name) > 0.5).long().tolist())
            else:
                found[decision.name] = tuple(weights.argmax(-1).tolist())
        return self._fixed.architecture(found)

    def _find_prices(self) -> None:
        if self._prices is not None:
            return
        shut: Architecture = {**self._base, **{n: bytes(own.decision.elements) for n, own in self._cells.items()}}
        self._prices = prices(self._purse, shut, self._priced)
        self._more = [{n: _padded(own, self._device) for n, own in p.more.items()} for p in self._prices]
        limits = iter(self._purse.limits(shut) if self._cells else ())
        self._opened = []
        for price in self._prices:
            limit = next(limits, None) if price.bound.measure != "latency" else None
            able = price.bound.measure in ("parameters", "memory") and limit is not None
            own = (
                {n: c.counts(limit.places) * float(limit.price) for n, c in self._cells.items()}
                if able and limit
                else {}
            )
            self._opened.append({n: counts_E.to(self._device) for n, counts_E in own.items()})


def feels_bounds(context: Context, call: StageCall) -> bool:
    """Whether there are bounds on costs, and a relaxation whose weights say how likely options are."""
    promise = import_module(f"{__package__}.relaxations.{call.options['as']}").promise
    weighs_itself = promise.identity or promise.gated
    return context.purse is not None and bool(context.purse.bounds) and not weighs_itself


def thrift_of(context: Context, call: StageCall, steps: int) -> Thrift | None:
    """None where no bound is felt, or `multiplier = 0`."""
    rate = call.options["multiplier"]
    if context.purse is None or not feels_bounds(context, call) or rate == 0:
        return None
    own = [d for d in context.decisions if not by_example(d)]
    cells = {d.name: Cells(context.supernet, d, torch.device("cpu")) for d in own if d.packed}
    step = RISE / max(steps, 1) if rate is None else float(rate)
    return Thrift(context.purse, own, context.fixed, cells, step, steps, context.device)


def _chance(choices: Choices, name: str) -> Tensor:
    """How likely gates are open [E]."""
    found = choices.get(name + CHANCE, choices[name])
    assert isinstance(found, Tensor)
    return found


def _terms(choices: Choices, more: Mapping[str, Tensor]) -> list[Tensor]:
    """What the options of every decision add: more_EN by weights_EN, of gates [E, 2] by how likely they are open."""
    found = []
    for name, more_EN in more.items():
        weights = choices.get(name)
        if not isinstance(weights, Tensor) or not more_EN.numel():
            continue
        if weights.ndim == 1:
            open_E = _chance(choices, name)
            found.append((more_EN[:, 0] * (1 - open_E) + more_EN[:, 1] * open_E).sum())
        elif weights.shape == more_EN.shape:
            found.append((weights * more_EN).sum())
    return found


def _gates(choices: Choices, opened: Mapping[str, Tensor]) -> list[Tensor]:
    return [(_chance(choices, name) * count_E).sum() for name, count_E in opened.items() if name in choices]


def _sum(terms: Sequence[Tensor], device: torch.device) -> Tensor:
    return torch.stack(list(terms)).sum() if terms else torch.zeros((), device=device)


def _padded(rows: Sequence[Sequence[float]], device: torch.device) -> Tensor:
    """[E, N], 0 where an element has no such option."""
    width = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[0.0] * (width - len(row))] for row in rows], dtype=torch.float32, device=device)

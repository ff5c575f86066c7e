"""Bounds on costs while decisions are relaxed: what architectures are expected to cost, and a multiplier for each bound.

`require parameters(e) <= 30%` becomes part of what is minimized, an exact penalty: loss + Σ_b λ_b · max(0, c_b / m_b − 1). λ_b begins
at next to nothing and grows by a factor with every step, the faster the further the bound m_b is broken; where there is room it
shrinks. So what gives least for its cost is let go first, and as soon as the bound is met nothing is driven on. c_b is what the
architecture costs that weighs most, and would be derived; its gradient is that of E[c_b], what is expected by how likely options
are. Both are of the first order around it (`compiler/prices.py`), which is exact where costs add up. E elements, N options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.budgets import NANOSECONDS, Asked, Purse
from recspace.compiler.cost import BYTES
from recspace.compiler.decisions import Architecture, Decision, Options
from recspace.compiler.evaluate import Evaluator
from recspace.compiler.ir import Cost, Node
from recspace.compiler.prices import Prices, prices

from .cells import Cells
from .charging import charge, costs_in
from .choices import CHANCE, Choices, Fixed, by_example
from .context import Context
from .plan import tells_chances
from .recipe import StageCall
from .steps import Kind, hardened
from .task import architecture_from, architecture_json

OFTEN = 100
"""Options in all up to which prices are found anew with every fifth of a stage; of more they stay as they are."""
TIMES = 5
MOST = 1e6
PRICES = {"parameters": 1.0, "memory": float(BYTES + 1)}
"""Of a number of a table that a gate of values opens: in a row that is stored sparse it has its column beside it."""
START = 1e-3
"""Of multipliers, and the least that they are."""
RISE = 14.0
"""What the logarithm of a multiplier rises by over a whole stage, if its bound is far broken all the time."""
FAR = 0.1
"""Share of a bound by which it is far broken: from there on multipliers grow, or shrink, at their full rate."""


class Thrift:
    """Multipliers, and the architecture around which costs are expected; costs in what is minimized (`charging.py`) as well."""

    def __init__(
        self, purse: Purse, decisions: Sequence[Decision], fixed: Fixed, cells: Mapping[str, Cells], rate: float, steps: int, device: torch.device
    ) -> None:  # fmt: skip
        """`decisions`: those that are learned here; `cells`: of gates of values, the numbers of tables that they gate. `rate`: how
        fast multipliers rise; with 0 no bound is felt."""
        self._purse, self._fixed, self._cells, self._rate, self._device = purse, fixed, cells, rate, device
        self._priced = tuple(d for d in decisions if not d.per_value and not by_example(d) and d.name not in cells)
        self._sets = {d.name for d in decisions if d.domains[0].kind == "subset"}
        self._every = max(1, steps // TIMES)
        self._often = sum(len(d.domain(e).options) for d in self._priced for e in range(d.elements)) <= OFTEN
        self._at = 0
        self._base: Architecture = fixed.architecture({d.name: d.hand_made for d in decisions})
        self._bounds = purse.bounds if rate else ()
        self._charged = costs_in(purse.graph)
        self._asked = [*(b.asked for b in self._bounds), *(_asked(purse.graph[key]) for key in self._charged)]
        self.multipliers = [START] * len(self._bounds)
        self._prices: tuple[Prices, ...] | None = None
        self._more: list[dict[str, Tensor]] = []
        self._opened: list[dict[str, Tensor]] = []

    def expected(self, choices: Choices) -> list[Tensor]:
        """What is expected of the cost of every bound, then of those in what is minimized: numbers, bytes, operations,
        nanoseconds. `choices`: weights without chance, gradients and all."""
        self._find_prices()
        assert self._prices is not None
        return [
            price.at + _sum([*_terms(choices, more), *_gates(choices, opened)], self._device)
            for price, more, opened in zip(self._prices, self._more, self._opened, strict=True)
        ]

    def _broken(self, expected: Sequence[Tensor]) -> list[Tensor]:
        """By how much every bound is broken, as a share of it: below 0 where there is room."""
        return [own / max(b.most, 1) - 1 for own, b in zip(expected, self._bounds, strict=False)]

    def penalty(self, choices: Choices) -> Tensor:
        """What bounds and costs add to the loss."""
        broken = self._broken(self.expected(self._likeliest_of(choices)))
        terms = [m * own.relu() for m, own in zip(self.multipliers, broken, strict=True)]
        if self._charged:
            expected = self.expected(choices)
            own = {k: self._said(k, e) for k, e in zip(self._charged, expected[len(self._bounds) :], strict=True)}
            evaluator = Evaluator(self._purse.graph, self._base, strict=True)
            terms.append(charge(self._purse.graph, own, evaluator, self._device))
        return _sum(terms, self._device)

    def _said(self, key: int, cost: Tensor) -> Tensor:
        """A cost as the space has it: seconds of latency, a share of the widest model's."""
        node = self._purse.graph[key]
        assert isinstance(node, Cost)
        if node.relative:
            return cost / max(self._purse.widest(_asked(node)), 1)
        return cost / NANOSECONDS if node.measure == "latency" else cost

    @torch.no_grad()
    def moved(self, choices: Choices) -> None:
        """After a step: multipliers grow or shrink, by e to their rate at most; with a fifth of the stage prices are found anew."""
        self._at += 1
        for k, own in enumerate(self._broken(self.expected(self._likeliest_of(choices)))):
            grown = self.multipliers[k] * math.exp(self._rate * min(max(float(own) / FAR, -1.0), 1.0))
            self.multipliers[k] = min(max(grown, START), MOST)
        if self._often and self._at % self._every == 0:
            self._base = self._likeliest(choices)
            self._prices = None

    def told(self, choices: Choices) -> list[dict[str, object]]:
        """Of every bound what the likeliest architecture costs, what is allowed, and its multiplier."""
        with torch.no_grad():
            expected = [round(float(own)) for own in self.expected(self._likeliest_of(choices))]
        return [
            {"require": b.text, "likeliest": b.said(own), "allowed": b.said(b.most), "multiplier": m}
            for b, own, m in zip(self._bounds, expected, self.multipliers, strict=False)
        ]

    def state(self) -> dict[str, object]:
        """Plain data."""
        return {"at": self._at, "base": architecture_json(self._base), "multipliers": list(self.multipliers)}

    def restore(self, facts: Mapping[str, Any]) -> None:
        base = architecture_from(facts["base"])
        assert base is not None
        self._at, self._base, self._prices = int(facts["at"]), base, None
        self.multipliers = [float(own) for own in facts["multipliers"]]

    def _likeliest_of(self, choices: Choices) -> Choices:
        """One option of every element alone, that which weighs most; the gradient is that of the weights."""
        found = dict(choices)
        for name in (*(d.name for d in self._priced), *self._cells):
            weights = choices.get(name)
            if not isinstance(weights, Tensor) or name in self._sets:
                continue
            if weights.ndim == 1:
                found[name + CHANCE] = hardened(_chance(choices, name), Kind("gate"))
            else:
                found[name] = hardened(weights, Kind("choice"))
        return found

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
        self._prices = prices(self._purse, shut, self._priced, self._asked)
        self._more = [{n: _padded(own, self._device) for n, own in p.more.items()} for p in self._prices]
        self._opened = [
            {
                n: (c.counts(self._purse.places(one)) * PRICES[one.measure]).to(self._device)
                for n, c in self._cells.items()
            }
            if one.measure in PRICES
            else {}
            for one in self._asked
        ]


def _asked(node: Node) -> Asked:
    assert isinstance(node, Cost)
    return Asked(node.measure, node.scope)


def feels(context: Context, call: StageCall) -> bool:
    """Whether there are bounds on costs, or costs in what is minimized, and a relaxation whose weights say how likely
    options are."""
    purse = context.purse
    return purse is not None and bool(purse.bounds or costs_in(purse.graph)) and tells_chances(str(call.options["as"]))


def thrift_of(context: Context, call: StageCall, steps: int) -> Thrift | None:
    """None where nothing is felt."""
    rate = call.options["multiplier"]
    if context.purse is None or not feels(context, call) or (rate == 0 and not costs_in(context.purse.graph)):
        return None
    own = [d for d in context.decisions if not by_example(d)]
    cells = {d.name: Cells(context.supernet, d, torch.device("cpu")) for d in own if d.packed}
    step = RISE / max(steps, 1) if rate == "auto" else float(rate)
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

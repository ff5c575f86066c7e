"""derive: from weights of decisions to an architecture. One stage, one step, no randomness."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision
from recspace.dsl.diagnostics import SpaceError

from .choices import Option, count, defaults
from .context import Context
from .options import unknown
from .plain_stages import kept
from .recipe import StageCall
from .refuse import refusal
from .state import State
from .task import Found


class Derive:
    """Settles every decision that a relaxation has weighed; the others take their defaults."""

    steps = 1

    def __init__(self, context: Context, call: StageCall) -> None:
        self.context, self.call, self.at = context, call, 0
        options = call.options
        if options["per"] is not None:
            if options["top"] is None and options["keep"] is None:
                raise refusal("S0603", "`per` says within what `top` or `keep` count", call.span, help="add top = …")
            names = {name for d in context.decisions for name in binders(d)}
            if options["per"] not in names:
                place = call.spans.get("per", call.span)
                raise SpaceError([unknown("S0602", "index", str(options["per"]), names, place)])

    @property
    def done(self) -> bool:
        return self.at > 0

    def step(self) -> Mapping[str, float]:
        self.at = 1
        return {}

    def hurry(self) -> None:
        self.at = 1

    def state(self) -> State:
        return State({}, {"at": self.at})

    def restore(self, state: State) -> None:
        self.at = int(state.facts["at"])

    def figures(self) -> dict[str, Any]:
        architecture = self.found().architecture or {}
        gates = [d for d in self.context.decisions if d.domains[0].kind == "gate"]
        return {"gates_open": {d.name: sum(o == 1 for o in architecture[d.name]) for d in gates}}

    def found(self) -> Found:
        found = self.context.found
        weighing = found.weighing
        taken = {
            d.name: settled(d, weighing[d.name], self.call.options, found.raw) if d.name in weighing else defaults(d)
            for d in self.context.decisions
        }
        architecture = self.context.fixed.architecture(taken)
        gates = {}
        if self.call.options["soft"]:
            raw = replace(found, raw=True)
            gates = kept(self.context.decisions, raw, architecture)
        return replace(found, architecture=architecture, gates=gates, model={})


def settled(decision: Decision, weights: Tensor, options: Mapping[str, Any], raw: bool) -> tuple[Option, ...]:
    """The option of every element. Gates: 1 where they stay; see the options of `derive`."""
    match decision.domains[0].kind:
        case "gate":
            return tuple(int(o) for o in gates_open(decision, weights, options, raw).tolist())
        case "subset":
            return tuple(_members(decision, e, weights[e]) for e in range(decision.elements))
        case "real":
            return tuple(weights.tolist())
        case "number" | "name" | "alternative" | "range":
            return tuple(
                int(weights[e, : count(decision, decision.domain_of[e] if decision.domain_of else 0)].argmax())
                for e in range(decision.elements)
            )


def _members(decision: Decision, element: int, weights_N: Tensor) -> tuple[int, ...]:
    """The likeliest members: as many as weigh more than one half, within the sizes that the set may have."""
    domain = decision.domain(element)
    weights_N = weights_N[: len(domain.options)]
    size = min(max(int((weights_N > 0.5).sum()), int(domain.low)), int(domain.high))
    return tuple(sorted(weights_N.argsort(descending=True, stable=True)[:size].tolist()))


def gates_open(decision: Decision, weights_E: Tensor, options: Mapping[str, Any], raw: bool) -> Tensor:
    """bool [E]. Ties of `top` and `keep` go to the earlier element; a gate of exactly zero never stays by size."""
    by_size = options["by"] == "magnitude" or (options["by"] == "auto" and raw)
    score_E = weights_E.abs() if by_size else weights_E
    threshold = options["threshold"]
    ranked = options["top"] is not None or options["keep"] is not None
    if threshold is None:
        threshold = 0.0 if by_size else -torch.inf if ranked else 0.5
    open_E: Tensor = score_E > threshold
    if not ranked:
        return open_E
    result = torch.zeros_like(open_E)
    for group in groups(decision, options["per"]):
        index = torch.tensor(group, dtype=torch.long)
        limit = options["top"] if options["top"] is not None else round(options["keep"] * len(group))
        best = index[score_E[index].argsort(descending=True, stable=True)[: int(limit)]]
        result[best] = open_E[best]
    return result


def binders(decision: Decision) -> list[str]:
    """Names of the index, in the order of a key's parts: `i < j in fields` gives i and j."""
    return [name for axis in decision.axes for name in re.split(r"[\s,<=]+", axis.split(" in ")[0].strip()) if name]


def groups(decision: Decision, per: str | None) -> Sequence[Sequence[int]]:
    """Elements that share their part of the key named `per`; all of them without one."""
    if per is None or decision.keys is None or per not in binders(decision):
        return [range(decision.elements)]
    place = binders(decision).index(per)
    found: dict[Any, list[int]] = {}
    for element, key in enumerate(decision.keys):
        found.setdefault(key[place], []).append(element)
    return list(found.values())

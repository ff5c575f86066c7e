"""derive: from weights of decisions to an architecture. One stage, one step; `by = chance` alone draws anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.architectures import satisfies
from recspace.compiler.counting.polynomial import TooHard
from recspace.compiler.decisions import Architecture, Decision, Options, opened, packed
from recspace.compiler.sampler import Sampler, Unreadable, nearest

from .afford import afforded
from .choices import by_example, count, domain_at, one_hot
from .context import Context
from .heredity import Heredity
from .plain_stages import kept
from .pruning import pruned
from .randomness import stream
from .recipe import StageCall
from .references import binders
from .refuse import refusal
from .state import State
from .task import Found
from .wishes import ranks, scored, wishes_of


class Derive:
    """Settles every decision that a relaxation has weighed; the others take their defaults."""

    steps = 1

    def __init__(self, context: Context, call: StageCall) -> None:
        refuse_per(call)
        refuse_chance(call)
        if call.options["by"] == "chance":
            context = replace(context, found=by_chance(context, call))
        self.context, self.call, self.at, self._changed = context, call, 0, 0
        self._budget: Mapping[str, Any] = {}
        self._result: Found | None = None

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
        gates = [d for d in self.context.decisions if d.domains[0].kind == "gate" and d.name in architecture]
        open_ = {d.name: int(opened(architecture[d.name]).sum()) for d in gates}
        return {"gates_open": open_, **self._budget} | (
            {"settled_by_requirements": self._changed} if self._changed else {}
        )

    def _inherited(self, wanted: Architecture) -> Architecture:
        """The architecture as priors and requirements have it. Raises SpaceError (S0610) where one forbids the other."""
        if not any(d.prior for d in self.context.decisions):
            return self._allowed(wanted)
        context = self.context
        heredity = Heredity(context.graph, context.decisions)
        obeyed = heredity.obeyed(wanted, context.fixed)
        allowed = self._allowed(obeyed)
        if allowed != obeyed and heredity.obeyed(allowed, context.fixed) != allowed:
            text = "what the search weighs most does not meet a requirement, and the nearest that does breaks a `prior`"
            raise refusal("S0610", text, self.call.span, help="remove the requirement, or weaken the prior")
        return allowed

    def _allowed(self, wanted: Architecture) -> Architecture:
        """The architecture itself where it meets the requirements between decisions, else the nearest that does."""
        context, weighing = self.context, self.context.found.weighing
        if satisfies(context.graph, wanted):
            return wanted
        wishes = {
            d.name: wishes_of(d, weighing.get(d.name), wanted[d.name], self._options, context.found.raw)
            for d in context.decisions
        }
        try:
            found = nearest(Sampler(context.graph, context.fixed.options), wishes)
        except (ValueError, Unreadable, TooHard) as why:
            text = "what the search weighs most does not meet a requirement, and nothing near it was found that does"
            raise refusal("S0610", f"{text}: {why}", self.call.span, help="use random() or exhaustive()") from why
        self._changed = sum(a != b for name, own in wanted.items() for a, b in zip(own, found[name], strict=True))
        return found

    @property
    def _options(self) -> Mapping[str, Any]:
        """As the recipe has them; what says how far gates are above what shuts them is compared with 0."""
        options = self.call.options
        if options["prune"] is not None:  # `keep`, `top` and `threshold` are said of what is pruned
            options = {**options, "keep": None, "top": None, "threshold": -1.0 if options["soft"] else None}
        margins = self.context.found.margins and options["threshold"] is None
        return {**options, "threshold": 0.0} if margins else options

    def _afforded(self, wanted: Architecture) -> Architecture:
        """The architecture as requirements on costs have it: of gates of tables those that weigh most."""
        context = self.context
        if context.purse is None or not context.purse.bounds:
            return wanted
        allowed, self._budget = afforded(context, wanted, self._options, self.call)
        return allowed

    def found(self) -> Found:
        if self._result is None:
            self._result = self._settled()
        return self._result

    def _settled(self) -> Found:
        found = self.context.found
        weighing, options = found.weighing, self._options
        taken = {
            d.name: settled(d, weighing[d.name], options, found.raw) if d.name in weighing else d.hand_made
            for d in self.context.decisions
        }
        architecture = self._afforded(self._inherited(self.context.fixed.architecture(taken)))
        given = {d.name for d in self.context.decisions if by_example(d)}
        architecture = {name: options for name, options in architecture.items() if name not in given}
        gates = {}
        if self.call.options["soft"]:
            raw = replace(found, raw=True)
            gates = kept(self.context.decisions, raw, architecture)
        left = self._pruned(architecture, gates)
        return replace(found, architecture=architecture, gates=gates, model={}, pruned=left)

    def _pruned(self, architecture: Architecture, gates: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """What is left of the tables of `prune`."""
        if self.call.options["prune"] is None:
            return {}
        hot = {d.name: one_hot(d, architecture[d.name]) for d in self.context.decisions if d.name in architecture}
        return pruned(self.context.supernet, self.context.found.weights, {**hot, **gates}, self.call.options)


def refuse_per(call: StageCall) -> None:
    """Raises SpaceError (S0603) for a `per` that nothing counts within."""
    options = call.options
    if options["per"] is not None and options["top"] is None and options.get("keep") is None:
        raise refusal("S0603", "`per` says within what `top` or `keep` count", call.span, help="add top = …")


def refuse_chance(call: StageCall) -> None:
    """Raises SpaceError (S0760) for a draw of what only a search can have weighed."""
    for name in ("soft", "prune", "threshold"):
        if call.options["by"] == "chance" and call.options[name]:
            text = f"`{name}` is said of what a search has weighed, and `by = chance` draws in its place"
            raise refusal("S0760", text, call.spans.get(name, call.span), help=f"leave out `{name}`")


def by_chance(context: Context, call: StageCall) -> Found:
    """What has been found, every decision weighed anew by numbers that are even in [0, 1): its options are as likely as
    each other, gates alike within what a requirement or `keep` and `top` let open, else open with a chance of one half."""
    drawn = {
        d.name: uniform(d, context) for d in context.decisions if d.domains[0].kind != "real" and not by_example(d)
    }
    bounded = context.purse is not None and bool(context.purse.bounds)
    return replace(context.found, weighing=drawn, untempered={}, raw=False, margins=bounded and not ranks(call.options))


def uniform(decision: Decision, context: Context) -> Tensor:
    """Even numbers in the form in which a decision is weighed: gates [E], others [E, N]."""
    options = (
        () if decision.domains[0].kind == "gate" else (max(count(decision, k) for k in range(len(decision.domains))),)
    )
    return torch.rand(decision.elements, *options, generator=stream(context.seed, context.stage, decision.name))


def settled(decision: Decision, weights: Tensor, options: Mapping[str, Any], raw: bool) -> Options:
    """The option of every element. Gates: 1 where they stay; see the options of `derive`."""
    match decision.domains[0].kind:
        case "gate":
            open_E = gates_open(decision, weights, options, raw)
            return packed(open_E.numpy()) if decision.packed else tuple(int(o) for o in open_E.tolist())
        case "subset":
            return tuple(_members(decision, e, weights[e]) for e in range(decision.elements))
        case "real":
            return tuple(weights.tolist())
        case "number" | "name" | "alternative" | "range":
            return tuple(
                int(weights[e, : count(decision, domain_at(decision, e))].argmax()) for e in range(decision.elements)
            )


def _members(decision: Decision, element: int, weights_N: Tensor) -> tuple[int, ...]:
    """The likeliest members: as many as weigh more than one half, within the sizes that the set may have."""
    domain = decision.domain(element)
    weights_N = weights_N[: len(domain.options)]
    size = min(max(int((weights_N > 0.5).sum()), int(domain.low)), int(domain.high))
    return tuple(sorted(weights_N.argsort(descending=True, stable=True)[:size].tolist()))


def gates_open(decision: Decision, weights_E: Tensor, options: Mapping[str, Any], raw: bool) -> Tensor:
    """bool [E]. Ties of `top` and `keep` go to the earlier element; a gate of exactly zero never stays by size."""
    score_E, threshold = scored(weights_E, options, raw)
    open_E: Tensor = score_E > threshold
    if not ranks(options):
        return open_E
    result = torch.zeros_like(open_E)
    for group in groups(decision, options["per"]):
        index = torch.tensor(group, dtype=torch.long)
        limit = options["top"] if options["top"] is not None else round(options["keep"] * len(group))
        best = index[score_E[index].argsort(descending=True, stable=True)[: int(limit)]]
        result[best] = open_E[best]
    return result


def groups(decision: Decision, per: str | None) -> Sequence[Sequence[int]]:
    """Elements that share their part of the key named `per`; all of them without one."""
    if per is None or decision.keys is None or per not in binders(decision):
        return [range(decision.elements)]
    place = binders(decision).index(per)
    found: dict[Any, list[int]] = {}
    for element, key in enumerate(decision.keys):
        found.setdefault(key[place], []).append(element)
    return list(found.values())

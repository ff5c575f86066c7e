"""What `derive` chooses where `require` bounds the costs of the model, and what nothing can meet. G gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recspace.compiler.architectures import satisfies
from recspace.compiler.budgets import Purse
from recspace.compiler.decisions import Architecture, Decision, opened, packed
from recspace.compiler.spending import Choosable, Place, best_options, cheapest, options_of, ranked_gates
from recspace.dsl.diagnostics import Diagnostic, SpaceError

from .budget import Budget, budget_of
from .cells import Cells
from .choices import Fixed, by_example
from .context import Context
from .recipe import StageCall
from .refuse import refusal
from .wishes import scored

TINY = 1e-12
UNITS = {"parameters": "parameters", "memory": "bytes", "flops": "operations", "latency": "ms a batch"}


def places_of(fixed: Fixed) -> frozenset[Place]:
    """The elements that are settled beforehand."""
    return frozenset((name, e) for name, own in fixed.options.items() for e in own)


def refuse_unreachable(purse: Purse, decisions: Sequence[Decision], fixed: Fixed) -> None:
    """Raises SpaceError (S0640) for requirements on costs that nothing in the space meets, with how far it reaches."""
    if not purse.bounds:
        return
    own = [d for d in decisions if not by_example(d)]
    start = fixed.architecture({d.name: d.hand_made for d in own})
    if purse.met(start):
        return
    least = purse.spent(cheapest(purse, start, own, places_of(fixed)))
    found = []
    for bound, small, large in zip(purse.bounds, least, purse.largest, strict=True):
        if small > bound.most:
            unit, has = UNITS[bound.measure], "takes" if bound.measure == "latency" else "has"
            least_, most_, allowed = (f"{bound.said(cost):,}" for cost in (small, large, bound.most))
            said = f"nothing in the space meets `{bound.text}`: it {has} {least_} to {most_} {unit}, and {allowed} are allowed"
            found.append(
                Diagnostic(
                    "S0640",
                    said,
                    bound.span,
                    "out of reach",
                    help=f"allow {least_}{' ms' * (bound.measure == 'latency')}, or let more be decided",
                )
            )
    if found:
        raise SpaceError(found)


def afforded(
    context: Context, wanted: Architecture, options: Mapping[str, Any], call: StageCall
) -> tuple[Architecture, dict[str, Any]]:
    """The architecture that requirements on costs allow, and what there is to say of it: of numbers and alternatives those
    options that together weigh most, and then the gates that score most, as many as may be open.

    Raises SpaceError (S0610) where that is not met, or breaks a requirement between decisions.
    """
    purse = context.purse
    assert purse is not None
    scores = _scores(context, options)
    bought = _bought(context, purse, wanted, tuple(scores))
    packed_ = {name: own for name, own in scores.items() if _named(context, name).packed}
    budget = _by_number(context, bought, packed_)
    apart = {name: own for name, own in scores.items() if budget is None or name not in packed_}
    if budget is not None:
        bought = {**bought, **{name: bytes(own.numel()) for name, own in packed_.items()}}
    if apart and (context.found.margins or not purse.met(bought)):
        bought = _ranked(context, purse, bought, wanted, apart)
    if budget is not None:
        bought |= {n: packed(open_E.numpy()) for n, open_E in budget.chosen(packed_).items()}
    if not purse.met(bought) or not satisfies(context.graph, bought):
        text = "what the search weighs most does not meet the requirements, and nothing near it was found that does"
        raise refusal("S0610", text, call.span, help="allow more, or decide more of what the model has by gates")
    spent = zip(purse.bounds, purse.spent(bought), strict=True)
    told = [{"require": b.text, "kept": b.said(cost), "allowed": b.said(b.most)} for b, cost in spent]
    return bought, {"budgets": told}


def _named(context: Context, name: str) -> Decision:
    return next(d for d in context.decisions if d.name == name)


def _scores(context: Context, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """What gates that were weighed are ranked by, [E] by decision; those fixed come first, or never."""
    found = {}
    for decision in context.decisions:
        weights = context.found.weighing.get(decision.name)
        if decision.domains[0].kind != "gate" or weights is None or by_example(decision):
            continue
        score_E = scored(weights, options, context.found.raw)[0].clone().cpu()
        for element, option in context.fixed.options.get(decision.name, {}).items():
            score_E[element] = torch.inf if option == 1 else -torch.inf
        found[decision.name] = score_E
    return found


def _bought(context: Context, purse: Purse, wanted: Architecture, gates: Sequence[str]) -> dict[str, Any]:
    """The architecture with other numbers and alternatives where what is wanted is too dear: at the gates that are wanted,
    else with none of them."""
    if purse.met(wanted):
        return dict(wanted)
    shut = {**wanted, **{n: bytes(len(wanted[n])) if isinstance(wanted[n], bytes) else _off(context, n) for n in gates}}
    choosable = _choosable(context)
    for start in (wanted, shut) if choosable else ():
        found = best_options(purse, start, choosable)
        if found is not None:
            return {**wanted, **{c.place[0]: found[c.place[0]] for c in choosable}}
    return dict(wanted)


def _off(context: Context, name: str) -> tuple[Any, ...]:
    fixed = context.fixed.options.get(name, {})
    return tuple(fixed.get(e, 0) for e in range(_named(context, name).elements))


def _choosable(context: Context) -> list[Choosable]:
    """Elements that are no gates, by the logarithm of what their options weigh; what nothing weighed keeps its default."""
    found = []
    for decision in context.decisions:
        if decision.per_value or by_example(decision):
            continue
        fixed, weights = context.fixed.options.get(decision.name, {}), context.found.weighing.get(decision.name)
        for element in range(decision.elements):
            options = options_of(decision, element)
            if element in fixed or not options:
                continue
            default = decision.default(element)
            scores = [-float(option != default) for option in options]
            if weights is not None:
                scores = weights[element, : len(options)].double().clamp(min=TINY).log().tolist()
            found.append(Choosable((decision.name, element), scores))
    return found


def _by_number(context: Context, bought: Architecture, gates: Mapping[str, Tensor]) -> Budget | None:
    """Bounds on parameters of tables whose numbers gates of values open and shut: these are counted, not measured."""
    if not gates:
        return None
    cells = {name: Cells(context.supernet, _named(context, name), torch.device("cpu")) for name in gates}
    return budget_of(context, cells, bought)


def _ranked(
    context: Context, purse: Purse, start: Architecture, wanted: Architecture, scores: Mapping[str, Tensor]
) -> dict[str, Any]:
    """The gates that score most, as many as may be open; where scores are no margins, of those that are wanted alone."""
    names = sorted(scores)
    score_G = torch.cat([scores[name] for name in names])
    sizes = [scores[name].numel() for name in names]
    may_G = score_G > -torch.inf
    if not context.found.margins:
        may_G &= torch.from_numpy(np.concatenate([opened(wanted[name]) for name in names]))
    order = [g for g in score_G.argsort(descending=True, stable=True).tolist() if may_G[g]]
    bounds = np.cumsum(sizes)[:-1]

    def at(ranks: Sequence[int]) -> Architecture:
        on_G = np.zeros(len(score_G), dtype=bool)
        on_G[np.array(order, dtype=np.int64)[np.array(ranks, dtype=np.int64)]] = True
        parts = dict(zip(names, np.split(on_G, bounds), strict=True))
        return {
            **start,
            **{n: packed(on) if isinstance(start[n], bytes) else tuple(map(int, on)) for n, on in parts.items()},
        }

    return dict(at(ranked_gates(purse, at, len(order))))

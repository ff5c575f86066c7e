"""What `derive` chooses where `require` bounds the parameters of tables whose numbers gates open and shut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from recspace.compiler.decisions import Architecture, packed

from .budget import budget_of
from .cells import Cells
from .context import Context
from .recipe import StageCall
from .refuse import refusal
from .wishes import scored


def afforded(
    context: Context, wanted: Architecture, options: Mapping[str, Any], call: StageCall
) -> tuple[Architecture, dict[str, Any]]:
    """The architecture with the gates that weigh most, exactly as many as may be open; and what there is to say of it.

    Raises SpaceError (S0610) where the requirement is not met even with all of them shut.
    """
    found = context.found
    gates = [d for d in context.decisions if d.packed and d.name in found.weighing]
    cells = {d.name: Cells(context.supernet, d, torch.device("cpu")) for d in gates}
    budget = budget_of(context, cells, wanted)
    assert budget is not None
    for limit in budget.limits:
        if limit.taken > limit.most:
            said = f"{limit.taken:,} parameters are none that gates of values decide, and {limit.most:,} may be kept"
            text = f"`{limit.text}` cannot be met: {said}"
            raise refusal("S0610", text, call.span, help="allow more, or decide what is in the way by gates of values")
    scores = {}
    for decision in gates:
        score_E, _ = scored(found.weighing[decision.name], options, found.raw)
        scores[decision.name] = score_E.clone()
        for element, option in context.fixed.options.get(decision.name, {}).items():
            scores[decision.name][element] = torch.inf if option == 1 else -torch.inf
    chosen = budget.chosen(scores)
    kept = zip(budget.limits, budget.kept(chosen), strict=True)
    told = [{"require": limit.text, "kept": count, "allowed": limit.most} for limit, count in kept]
    return {**wanted, **{name: packed(open_E.numpy()) for name, open_E in chosen.items()}}, {"budgets": told}

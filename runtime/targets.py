"""Several budgets in one run: what all share is searched once, what follows is done for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recspace.compiler.budgets import Purse
from recspace.compiler.promise import Promises

from .plan import THRIFTY, Planned
from .recipe import Recipe, StageCall
from .refuse import refusal, words


@dataclass(frozen=True, slots=True)
class Target:
    """A budget: what it is called, and the requirements on costs that it makes, those of the space among them."""

    name: str
    purse: Purse

    @property
    def folder(self) -> str:
        """Where its model lies in the folder of the run: `10%`, `phone`."""
        return "".join(c if c.isalnum() or c in "._%-" else "-" for c in self.name)


def shared_until(recipe: Recipe) -> StageCall | None:
    """The stage that is the first to look at budgets: the one that names some, else the last that keeps to costs."""
    named = [call for call in recipe.stages if call.options.get("budgets")]
    if len(named) > 1:
        text = "budgets are named by one stage of a recipe, and this is a second one"
        raise refusal("S0643", text, named[1].span, help="leave them out here")
    able = [call for call in recipe.stages if call.name in THRIFTY]
    return named[0] if named else able[-1] if able else None


def divided(
    stages: Sequence[Planned], recipe: Recipe, targets: Sequence[Target], promises: Promises
) -> tuple[Planned, ...]:
    """The stages of a run with budgets: those that all share, and the others for each of them.

    A sampler judges its architectures once, and has the best within each budget; `derive` chooses for each.
    Raises SpaceError (S0643) where nothing settles anything.
    """
    if not targets:
        return tuple(stages)
    branch = shared_until(recipe)
    at = next((k for k, stage in enumerate(stages) if stage.call is branch), None)
    if at is None:
        place = stages[-1].call.span if stages else words("budgets", "")
        text = "nothing in the recipe settles decisions within a budget"
        raise refusal("S0643", text, place, help="search with relax() derive(), or with random()")
    first = at + 1 if promises.stages[stages[at].call.name].role == "sample" else at
    own = [
        replace(stage, name=f"{stage.name}@{target.name}", stream=stage.name, budget=target.name)
        for target in targets
        for stage in stages[first:]
    ]
    return (*stages[:first], *own)

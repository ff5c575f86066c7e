"""Whether a recipe can be run on a space, before anything is trained. Imports torch, but only when called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recspace.dsl import SpaceError

from .recipes import recipe_of

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.runtime.choices import Fixed
    from recspace.runtime.plan import Planned
    from recspace.runtime.recipe import Recipe

    from .running import Space


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be run: the stages, what is fixed, and the widest model; `shared`: whether that is the supernet."""

    stages: tuple[Planned, ...]
    fixed: Fixed
    compiled: Compiled
    shared: bool


def plan(space: Space, recipe: Recipe, fix: Sequence[str] = ()) -> Plan:
    """Raises SpaceError with what a run would refuse."""
    from recspace.runtime.choices import searched
    from recspace.runtime.fix import parsed
    from recspace.runtime.plan import foresee, need_supernet, obstacles, planned
    from recspace.runtime.registry import promises

    decisions, known = searched(space.graph), promises()
    faults = obstacles(recipe, decisions, known)
    if faults:
        raise SpaceError(faults)
    fixed = parsed(tuple(fix), space.graph)
    stages = planned(recipe, decisions, known)
    foresee(stages, space.graph, fixed)
    shared = need_supernet(stages, known)
    hand_made = fixed.architecture({d.name: d.hand_made for d in decisions})
    compiled = space.compiled(None) if shared else space.unrequired(hand_made)
    return Plan(stages, fixed, compiled, shared)


def refused(space: Space, strategy: str) -> str:
    """Why a recipe cannot be run on a space, in a sentence; "" if it can."""
    try:
        plan(space, recipe_of(space.verdict, strategy))
    except SpaceError as error:
        return next(d.message for d in error.diagnostics if d.severity == "error")
    return ""

"""Whether a recipe can be run on a space, before anything is trained. Imports torch, but only when called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from recspace.dsl import Diagnostic, SpaceError

from .recipes import recipe_of

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.runtime.choices import Fixed
    from recspace.runtime.plan import Planned
    from recspace.runtime.progress import Progress
    from recspace.runtime.recipe import Recipe
    from recspace.runtime.run import Result
    from recspace.runtime.settings import Settings

    from .running import Space


ADVISED = frozenset({"S0605", "S0606", "S0609", "S0630", "S0652"})
"""Codes of what one strategy cannot search, and another may."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be run: the stages, what is fixed, and the widest model; `shared`: whether that is the supernet."""

    stages: tuple[Planned, ...]
    fixed: Fixed
    compiled: Compiled
    shared: bool


def start(space: Space, settings: Settings, folder: Path, progress: Progress | None = None) -> Result:
    """Search in a new folder. Raises SpaceError as `running.start` does, with what can search the space instead."""
    from . import running

    try:
        return running.start(space, settings, folder, progress)
    except SpaceError as error:
        raise SpaceError(advised(space, error.diagnostics)) from error


def plan(space: Space, recipe: Recipe, fix: Sequence[str] = ()) -> Plan:
    """Raises SpaceError with what a run would refuse, and what can search the space instead."""
    try:
        return _plan(space, recipe, fix)
    except SpaceError as error:
        raise SpaceError(advised(space, error.diagnostics)) from error


def _plan(space: Space, recipe: Recipe, fix: Sequence[str] = ()) -> Plan:
    from recspace.runtime.choices import searched
    from recspace.runtime.fix import parsed
    from recspace.runtime.plan import foresee, inspected, need_supernet, obstacles, planned
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
    if shared:
        inspected(stages, compiled, decisions)
    return Plan(stages, fixed, compiled, shared)


def refused(space: Space, strategy: str) -> str:
    """Why a recipe cannot be run on a space, in a sentence; "" if it can."""
    from recspace.runtime.afford import refuse_unreachable

    try:
        found = _plan(space, recipe_of(space.verdict, strategy))
        refuse_unreachable(space.purse, space.decisions, found.fixed)
    except SpaceError as error:
        return next(d.message for d in error.diagnostics if d.severity == "error")
    return ""


def tried(space: Space, name: str, more: Mapping[str, object] | None = None, then: str = "") -> tuple[str, str]:
    """A recipe with one strategy of the table, and why it cannot search the space; "" if it can. `more`: options, where it
    has them; `then`: stages that follow."""
    from recspace.runtime.capabilities import recipe_text
    from recspace.runtime.registry import promises

    try:
        recipe = f"{recipe_text(name, space.decisions, promises(), more or {})} {then}".strip()
    except LookupError as why:
        return "", str(why)
    return recipe, refused(space, recipe)


def able(space: Space) -> list[str]:
    """The strategies that can search a space, as they stand in a recipe."""
    if space.able:
        return space.able
    from recspace.runtime.capabilities import capabilities
    from recspace.runtime.registry import promises

    names = [row.name for row in capabilities(promises()) if not tried(space, row.name)[1]]
    space.able.extend(name if "(" in name else f"{name}()" for name in names)
    return space.able


def advised(space: Space, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Refusals of a strategy, with those that can search the space in its place."""
    found = tuple(diagnostics)
    names = able(space) if any(d.code in ADVISED and d.severity == "error" for d in found) else []
    if not names:
        return found
    text = f"these can: {', '.join(names)}"
    return tuple(replace(d, help=f"{d.help}; {text}" if d.help else text) if d.code in ADVISED else d for d in found)

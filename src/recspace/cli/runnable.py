"""Whether a shipped space can be searched to the end, as far as that can be told without data and without torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recspace.checking import Verdict
    from recspace.compiler.decisions import Architecture
    from recspace.compiler.schema import Schema

RUNS, SINGLE, LATER = "yes", "one value a field", "later"


def runnable(verdict: Verdict) -> tuple[str, str]:
    """`yes`, `one value a field` where no field may hold several values, or `later`; and what a run would say (else "")."""
    why = _stages(verdict)
    if why or verdict.program is None or verdict.schema is None:
        return LATER, why
    first = _compiled(verdict, verdict.schema)
    if not first:
        return RUNS, ""
    return (LATER if _compiled(verdict, _single(verdict.schema)) else SINGLE), first


def _stages(verdict: Verdict) -> str:
    """What of the first recipe is refused."""
    from recspace.runtime.plan import obstacles
    from recspace.runtime.registry import promises

    graph = verdict.checked.graph if verdict.checked else None
    if graph is None or not verdict.recipes:
        return "it has no recipe"
    faults = obstacles(verdict.recipes[0], graph.decisions, promises())
    return faults[0].message if faults else ""


def _compiled(verdict: Verdict, schema: Schema) -> str:
    """Why the supernet cannot be made, or the hand-made model where no stage needs a supernet; "" if it can."""
    from recspace.compiler.compile import compile_space
    from recspace.dsl import SpaceError
    from recspace.runtime.registry import promises

    assert verdict.program is not None
    try:
        compile_space(verdict.program, schema, promises(), architecture=_hand_made(verdict))
    except SpaceError as refused:
        return refused.diagnostics[0].message
    return ""


def _hand_made(verdict: Verdict) -> Architecture | None:
    """None where a stage needs the supernet."""
    from recspace.runtime.plan import need_supernet, planned
    from recspace.runtime.registry import promises

    assert verdict.checked is not None
    assert verdict.checked.graph is not None
    decisions = verdict.checked.graph.decisions
    stages = planned(verdict.recipes[0], decisions, promises())
    if need_supernet(stages, promises()):
        return None
    return {d.name: d.hand_made for d in decisions}


def _single(schema: Schema) -> Schema:
    return replace(schema, fields=tuple(f for f in schema.fields if not f.several and f.kind != "vector"))

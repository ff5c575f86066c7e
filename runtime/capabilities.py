"""What every strategy can search, as its promise says; and how one is written for a space. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recspace.compiler.decisions import Decision
from recspace.compiler.promise import REQUIRED, Promises, Relaxation, Stage

from .references import binders

DOMAINS = ("gate", "number", "name", "alternative", "range", "real", "subset")
SEARCHING = ("relax", "sample", "infer", "score", "screen", "wrap")
"""Roles of stages that search, or wrap one that does."""
FIELDS = ("per_value", "per_example", "conditional", "constraints")
NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Capability:
    """A row of the table. `name`: as in a recipe, `tpe` or `relax(as = gumbel)`. `constraints`: whether what it proposes
    meets a `require` between decisions by itself; after a relaxation `derive` sees to it."""

    name: str
    doc: str
    domains: tuple[str, ...]
    per_value: bool
    per_example: bool
    conditional: bool
    constraints: bool
    runs: bool


def capabilities(promises: Promises) -> tuple[Capability, ...]:
    """Of every stage that searches, every relaxation for itself."""
    found = []
    for name, stage in promises.stages.items():
        if stage.role == "relax":
            found += [_row(f"{name}(as = {n})", relaxation) for n, relaxation in promises.relaxations.items()]
        elif stage.role in SEARCHING:
            found.append(_row(name, stage))
    return tuple(sorted(found, key=lambda row: row.name))


def _row(name: str, able: Stage | Relaxation) -> Capability:
    domains = tuple(d for d in DOMAINS if d in able.domains)
    constraints = isinstance(able, Stage) and able.constraints
    flags = (able.per_value, able.per_example, able.conditional, constraints, able.implemented)
    return Capability(name, able.doc, domains, *flags)


def recipe_text(
    name: str, decisions: Sequence[Decision], promises: Promises, more: Mapping[str, object] = NOTHING
) -> str:
    """A recipe with nothing but this strategy, and what settles decisions after it. Options that have to be given name the
    first decision or index of the space that they can be of; `more` are written where the strategy has them.

    Raises LookupError, with the reason, where the space has nothing of that kind.
    """
    decisions = [d for d in decisions if d.elements]
    if not decisions:
        raise LookupError("there is nothing to choose in this space")
    if name.startswith("relax("):
        return f"{name} derive()"
    stage = promises.stages[name]
    options = [f"{o.name} = {_needed(o.refers, decisions)}" for o in stage.options if o.default is REQUIRED]
    options += [f"{o.name} = {more[o.name]}" for o in stage.options if o.name in more]
    if name == "asha":
        return "asha(random(trials = 2, epochs = 2))"
    if name == "stream":
        return "stream(relax(as = softmax))"
    if name == "progressive":
        return f"progressive(along = {_needed('index', decisions)}, step = relax(as = gate)) derive()"
    text = f"{name}({', '.join(options)})"
    return f"{text} derive()" if stage.role in ("infer", "score") else text


def _needed(refers: str, decisions: Sequence[Decision]) -> str:
    match refers:
        case "decision":
            sets = [d.name for d in decisions if d.domains[0].kind == "subset"]
            return next(iter([*sets, *(d.name for d in decisions)]))
        case "index":
            found = next((name for d in decisions for name in binders(d)), None)
            if found is None:
                raise LookupError("no decision of this space is indexed, and it goes along an index")
            return found
        case _:
            return "[]"

"""`recspace list`: the shipped spaces, with what they decide on and how they are searched."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .arguments import Subparsers, add_json, command
from .output import aligned, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from recspace.compiler.decisions import Decision
    from recspace.dsl import ast

COLUMNS = ("name", "category", "size", "level", "stages", "task", "runs")


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "list", run, "list the shipped spaces")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.reading import shipped

    entries = [entry(name, path) for name, path in shipped().items()]
    if args.json:
        write_json({"spaces": entries})
        return 0
    print("\n".join(aligned([COLUMNS, *([_cell(e, column) for column in COLUMNS] for e in entries)])))
    print("\nsizes are of the example binding (9 fields); `recspace size NAME --data TABLE` counts on yours")
    print("runs: whether `recspace run` searches it to the end yet, or on data whose fields hold one value each")
    return 0


def _cell(entry: dict[str, Any], column: str) -> str:
    match column:
        case "stages":
            return " → ".join(entry["stages"]) or "none"
        case "size":
            return str(entry["size_text"])
        case "level":
            return ", ".join(entry["levels"]) or "none"
        case _:
            return str(entry[column])


def entry(name: str, path: Path) -> dict[str, Any]:
    """All that the list says of a space."""
    from recspace.checking import Question, judge

    from .describe import size_data, size_text
    from .runnable import runnable

    verdict = judge(Question(path))
    space = verdict.program.file.space if verdict.program else None
    graph = verdict.checked.graph if verdict.checked else None
    size = verdict.checked.size if verdict.checked and graph else None
    recipe = verdict.recipes[0] if verdict.recipes else None
    runs, why = runnable(verdict)
    return {
        "name": name,
        "space": space.name if space else None,
        "doc": space.doc if space else "",
        "category": path.parent.name if path.parent.name != "spaces" else "model",
        "size": size_data(size) if size else None,
        "size_text": size_text(size) if size else "?",
        "stages": [stage.name for stage in recipe.stages] if recipe else [],
        "levels": list(dict.fromkeys(level for d in graph.decisions for level in levels(d))) if graph else [],
        "task": task(space) if space else "",
        "runs": runs,
        "why": why,
    }


def levels(decision: Decision) -> list[str]:
    """What one element of a decision is made for, by its indices; a set of crosses by how many fields a cross has."""
    found = [level(axis) for axis in decision.axes]
    if not found:
        members = decision.domains[0].options if decision.domains and decision.domains[0].kind == "subset" else ()
        crossed = {str(m).count("*") + 1 for m in members}
        return [f"sets of {_span(crossed)} fields"] if crossed and min(crossed) > 1 else ["model"]
    return found if len(found) == 1 else [" × ".join(dict.fromkeys(found))]


def level(axis: str) -> str:
    """An index in one word: `i < j in fields` → pair."""
    names, _, domain = axis.partition(" in ")
    if domain.startswith("values("):
        return "value"
    if domain.startswith("subsets("):
        return "field set"
    if "<" in names or "," in names:
        return "pair of elements" if domain.startswith("elements(") else "pair"
    if domain.startswith("elements("):
        return "element"
    if domain in ("fields", "categorical", "numeric", "multivalued"):
        return "field"
    if ".." in domain:
        # How wide a vector is has a name in every shipped space; other ranges number parts of a model.
        return "dimension" if domain.rpartition("..")[2].strip() in ("width", "dim", "dims") else "block"
    return "part"


def _span(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}..{high}"


def task(space: ast.Space) -> str:
    """ctr, rating or topk, by what is minimised."""
    from recspace.aims import RANKING, objective_names

    names = {name for name, _ in objective_names(space)}
    if names & RANKING:
        return "topk"
    if names & {"logloss", "cross_entropy", "focal", "hinge"}:
        return "ctr"
    return "rating" if names & {"mse", "squared", "absolute", "huber"} else "other"

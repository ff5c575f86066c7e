"""`recspace strategies [FILE]`: what every strategy can search; of a space, which of them can search it, and why the others
cannot."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from .arguments import Subparsers, add_binding, add_json, command, question
from .output import aligned, show

if TYPE_CHECKING:
    from recspace.runtime.capabilities import Capability

HEAD = ("strategy", "decisions", "of values", "of examples", "conditional", "require", "runs")


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "strategies", run, "say what every strategy can search, or which can search a space")
    parser.add_argument("file", metavar="FILE", nargs="?", help="a .space file, or the name of a shipped space")
    add_binding(parser)
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a param: --set width=16")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.runtime.capabilities import capabilities
    from recspace.runtime.registry import promises

    rows = capabilities(promises())
    if args.file is not None:
        return _of_space(args, rows)
    if args.json:
        print(json.dumps([data(row) for row in rows], ensure_ascii=False, indent=1))
    else:
        print("\n".join(table(rows)))
    return 0


def table(rows: tuple[Capability, ...]) -> list[str]:
    return aligned([HEAD, *map(cells, rows)])


def cells(row: Capability) -> tuple[str, ...]:
    """A row of the table in words."""
    flags = (row.per_value, row.per_example, row.conditional, row.constraints, row.runs)
    every = len(row.domains) == 7
    return (row.name, "all" if every else ", ".join(row.domains), *("yes" if flag else "no" for flag in flags))


def data(row: Capability) -> dict[str, Any]:
    return {
        "name": row.name,
        "doc": row.doc,
        "domains": list(row.domains),
        "per_value": row.per_value,
        "per_example": row.per_example,
        "conditional": row.conditional,
        "constraints": row.constraints,
        "runs": row.runs,
    }


def _of_space(args: argparse.Namespace, rows: tuple[Capability, ...]) -> int:
    """Raises SpaceError with everything that is wrong with the space."""
    from recspace.running import bound_space
    from recspace.support import tried

    space = bound_space(question(args))
    found = []
    for row in rows:
        recipe, why = tried(space, row.name)
        found.append({**data(row), "recipe": recipe, "supported": not why, "reason": why})
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    show(space.warnings)
    print("\n".join(aligned((e["name"], "yes" if e["supported"] else "no", e["reason"]) for e in found)))
    return 0

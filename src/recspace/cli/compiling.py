"""`recspace compile FILE`: the text of a space's supernet, or what a pass does to its graph."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .arguments import Subparsers, add_json, add_space, add_without, command, question
from .output import show, write_json

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph
    from recspace.running import Space


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "compile", run, "show the module that a space is compiled to, or what a pass does")
    add_space(parser)
    parser.add_argument("--show", metavar="PASS", type=_pass, help="the graph before and after a pass: --show batch")
    add_without(parser)
    add_json(parser)


def _pass(text: str) -> str:
    from recspace.compiler.lower import PASSES

    if text not in PASSES:
        raise argparse.ArgumentTypeError(f"{text!r} is no pass: {', '.join(PASSES)}")
    return text


def run(args: argparse.Namespace) -> int:
    from recspace.running import bound_space

    space = bound_space(question(args))
    show(space.warnings)
    if args.show is None:
        text = space.models.supernet.source
        write_json({"ok": True, "module": text}) if args.json else print(text, end="")
        return 0
    seen = _seen(space, args.show)
    if args.json:
        write_json({"ok": True, "pass": args.show, "runs": [{"before": a, "after": b} for a, b in seen]})
        return 0
    for k, (before, after) in enumerate(seen, 1):
        which = f"{args.show}, run {k} of {len(seen)}" if len(seen) > 1 else args.show
        print(
            f"# {which}: changes nothing\n"
            if before == after
            else f"# before {which}\n{before}\n# after {which}\n{after}"
        )
    if not seen:
        print(f"{args.show} was left out", file=sys.stderr)
    return 0


def _seen(space: Space, name: str) -> list[tuple[str, str]]:
    """The graph as text before and after every run of a pass."""
    from recspace.compiler.lower import lower
    from recspace.compiler.printing import show as shown

    found: list[tuple[str, str]] = []

    def watch(step: str, before: Graph, after: Graph) -> None:
        if step == name:
            found.append((shown(before), shown(after)))

    lower(space.graph, space.models.promises, without=space.models.without, watch=watch)
    return found

"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recspace.checking import Question

# argparse has no public name for it.
Subparsers = argparse._SubParsersAction


def command(
    commands: Subparsers[argparse.ArgumentParser], name: str, run: Callable[[argparse.Namespace], int], help: str
) -> argparse.ArgumentParser:
    """A command with what all of them have."""
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.set_defaults(run=run)
    parser.add_argument("--debug", action="store_true", help="show tracebacks of unexpected failures")
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_space(parser: argparse.ArgumentParser) -> None:
    """FILE, what it is bound to, and its params."""
    parser.add_argument("file", metavar="FILE", help="a .space file, or the name of a shipped space (recspace list)")
    add_binding(parser)
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a param: --set width=16")
    add_task(parser)


def add_task(parser: argparse.ArgumentParser) -> None:
    from recspace.compiler.tasks import TASKS

    help = "swap head, loss and metric: clicks, ratings, rankings or classes"
    parser.add_argument("--task", choices=TASKS, help=help)


def add_without(parser: argparse._ActionsContainer) -> None:
    help = "leave out a pass of the compiler, to measure what it gains: --without batch"
    parser.add_argument("--without", metavar="PASS", action="append", default=[], type=_switch, help=help)


def _switch(text: str) -> str:
    from recspace.compiler.lower import SWITCHES

    if text not in SWITCHES:
        raise argparse.ArgumentTypeError(f"{text!r} is no pass that can be left out: {', '.join(SWITCHES)}")
    return text


def add_binding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--data", metavar="DATA", help="a table, a shipped name, or a .space file with a data block")
    group.add_argument("--source", metavar="TABLE", help="another table for the data block")
    group.add_argument("--label", metavar="LABEL", help="the label of a bare table: a column, 'rating >= 4'")
    group.add_argument(
        "--rename", metavar="OLD=NEW", action="append", default=[], type=_renaming,
        help="what the space calls a column or role: --rename words=nodes",
    )  # fmt: skip


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old.strip() and equals and new.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} renames nothing; write it as words=nodes")
    return old.strip(), new.strip()


def question(args: argparse.Namespace) -> Question:
    """What the arguments ask to be checked."""
    from recspace.checking import Question

    return Question(
        args.file, args.data, args.label, args.source, dict(args.rename), tuple(args.set), getattr(args, "seed", 0),
        tuple(getattr(args, "without", ())),
        getattr(args, "task", None),
    )  # fmt: skip

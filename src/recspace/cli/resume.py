"""`recspace resume RUN`: go on with a run that was stopped, to the same result to the bit."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .run import followed


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "resume", run, "go on with a run that was stopped")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of the run")
    parser.add_argument("--file", metavar="FILE", help="where the space lies now, if it was moved")
    parser.add_argument("--data", metavar="DATA", help="where the table or data block lies now")
    parser.add_argument("--source", metavar="TABLE", help="where the table of the data block lies now")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.running import Moved, go_on

    moved = Moved(args.file, args.data, args.source)
    return followed(args.folder, args, lambda progress: go_on(args.folder, progress, moved))

"""`recspace resume RUN`: go on with a run that was stopped, to the same result to the bit."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .run import followed


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "resume", run, "go on with a run that was stopped")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of the run")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.running import go_on

    return followed(args.folder, args, lambda progress: go_on(args.folder, progress))

"""`recspace extend RUN --data NEW -o RUN2`: a finished model goes on with another table, whose values and fields join."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .output import show
from .run import at_least_0, at_least_1, followed, free_folder


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(
        commands, "extend", run, "go on with a finished model on another table; new values and fields join"
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--data",
        metavar="DATA",
        required=True,
        help="the table, or a .space file with a data block that describes new fields, too",
    )
    parser.add_argument(
        "-o", "--output", metavar="RUN2", type=Path, help="the folder of the new run; default runs/NAME"
    )
    parser.add_argument(
        "--strategy",
        metavar="STAGES",
        default="train(epochs = 1)",
        help="how it is trained on; default 'train(epochs = 1)'",
    )
    parser.add_argument("--seed", type=at_least_0, default=0, metavar="N")
    parser.add_argument("--epochs", type=at_least_1, metavar="N", help="instead of the strategy's")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.running import extension, start
    from recspace.runtime.folder import vacant
    from recspace.runtime.settings import Settings

    if args.output is not None:
        vacant(args.output)
    space = extension(args.folder, args.data, args.seed)
    show(space.warnings)
    settings = Settings(seed=args.seed, epochs=args.epochs, strategy=args.strategy, set=space.question.settings)
    folder = args.output or free_folder(space.graph.name)
    if not args.json:
        print(f"{space.graph.name}, extended in {folder}", file=sys.stderr)
    return followed(folder, args, lambda progress: start(space, settings, folder, progress))

"""The command `recspace`. Each command is a file: `add` describes it, `run` does it and gives the exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from recspace import __version__

from . import (
    check,
    compare,
    compiling,
    data,
    explain,
    export,
    extend,
    graph,
    listing,
    predict,
    report,
    resume,
    run,
    size,
    strategies,
    trials,
    tune,
    watch,
    why,
)
from .failures import guarded

COMMANDS = (
    check, size, graph, compiling, tune, run, resume, extend, watch, report, compare, predict, trials, why, export, strategies, listing,
    data, explain,
)  # fmt: skip
"""In the order in which `recspace --help` lists them."""

EXIT_CODES = "exit codes: 0 done, 1 the space or the data is wrong, 2 usage, 3 the run failed"


def parser() -> argparse.ArgumentParser:
    """The whole command line. argparse, since typer alone would take a fifth of the time of `recspace check`."""
    top = argparse.ArgumentParser(
        "recspace", description="Check, count, draw and search spaces of recommender models.", epilog=EXIT_CODES
    )
    top.add_argument("--version", action="version", version=f"recspace {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. argparse leaves with 2 where the arguments are wrong."""
    args = parser().parse_args(arguments)
    try:
        code = guarded(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read along has seen enough; the interpreter must not complain when it closes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code

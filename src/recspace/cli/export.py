"""`recspace export RUN --format optuna -o study.db`: the trials of a run as a study that optuna-dashboard opens."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .output import write_json
from .trials import read_trials


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "export", run, "write the trials of a run as an Optuna study")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a run, finished or not")
    parser.add_argument("--format", choices=("optuna",), default="optuna", help="optuna: a study in SQLite")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file: study.db")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.runtime.exporting import to_optuna

    trials = read_trials(args.folder)
    studies = to_optuna(_space(args.folder), trials, args.output)
    if args.json:
        write_json({"ok": True, "file": str(args.output), "studies": studies})
        return 0
    for name, count in studies.items():
        print(f"{name}: {count:,} trials")
    print(f"optuna-dashboard sqlite:///{args.output}  shows them")
    return 0


def _space(folder: Path) -> str:
    """What to call the study: the space of a run that is done, else its folder."""
    report = folder / "report.json"
    return str(json.loads(report.read_bytes())["space"]) if report.is_file() else folder.name

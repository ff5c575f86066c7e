"""`recspace report RUN`: a run as one page, whether it is done or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Subparsers, add_json, command
from .output import write_json
from .writing import page_path, write_page


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "report", run, "write a run as one page to look at in a browser")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a run, finished or not")
    parser.add_argument(
        "-o", "--output", metavar="OUT.html", type=page_path, help="default: report.html in the run's folder"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.pages import run_page, write_report

    if args.output is None:
        path = write_report(args.folder)
    else:
        path = args.output
        write_page(path, run_page(args.folder))
    if args.json:
        write_json({"ok": True, "page": str(path)})
    else:
        print(f"the run is shown by {path}")
    return 0

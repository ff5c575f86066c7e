"""`recspace compare RUN RUN…`: several runs side by side, as a table or a page."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recspace.compared import COSTS, NAMES

from .arguments import Subparsers, add_json, command
from .output import aligned, write_json
from .writing import page_path, write_page


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "compare", run, "compare several runs: figures, means over seeds, agreement, losses")
    parser.add_argument("folders", metavar="RUN", type=Path, nargs="+", help="the folders of runs, finished or not")
    parser.add_argument("-o", "--output", metavar="OUT.html", type=page_path, help="a page, besides the table")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from recspace.pages.comparisons import compare_data, compare_page

    data = compare_data(args.folders)
    if args.output is not None:
        write_page(args.output, compare_page(args.folders))
    if args.json:
        left_out = ("series", "settings")
        runs = [{name: value for name, value in run.items() if name not in left_out} for run in data["runs"]]
        write_json({"ok": True, "runs": runs, "groups": data["groups"]})
        return 0
    print("\n".join(aligned(_table(data), right=True)))
    for line in _means(data):
        print(line)
    if args.output is not None:
        print(f"\nthey are shown by {args.output}")
    return 0


def _table(data: Mapping[str, Any]) -> list[tuple[str, ...]]:
    arrows = [f"{NAMES.get(name, name)} {'↑' if up else '↓'}" for name, up in data["higher"].items()]
    head = ("run", "space", "strategy", "seed", *arrows, *COSTS.values())
    return [head, *(_row(run, data["figures"]) for run in data["runs"])]


def _row(run: Mapping[str, Any], figures: list[str]) -> tuple[str, ...]:
    test = [
        f"{run['test'][name]:.4f}" if name in run["test"] else "–" if run["done"] else "running" for name in figures
    ]
    sizes = ["–" if run[name] is None else _cost(run[name]) for name in COSTS]
    return (run["folder"], run["name"], run["strategy"], str(run["seed"]), *test, *sizes)


def _means(data: Mapping[str, Any]) -> list[str]:
    found = []
    for group in data["groups"]:
        told = [
            f"{NAMES.get(name, name)} {group['spread'][name][0]:.4f} ± {group['spread'][name][1]:.4f}"
            for name in data["figures"]
            if name in group["spread"]
        ]
        found.append(
            f"\n{group['name']}, {group['strategy']}, {group['seeds']} seeds: {', '.join(told)} (± one standard deviation)"
        )
    return found


def _cost(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.3g}"

"""`recspace trials RUN`: every architecture that samplers of a run have judged, the best first."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recspace import chosen
from recspace.runtime.figures import higher

from .arguments import Subparsers, add_json, command
from .output import aligned, write_json


def add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = command(commands, "trials", run, "list the architectures that a run has judged, the best first")
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a run, finished or not")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    trials = read_trials(args.folder)
    if args.json:
        write_json({"ok": True, "run": str(args.folder), "trials": trials})
    elif not trials:
        print(f"no sampler of the run in {args.folder} has judged an architecture")
    else:
        print(
            "\n".join(aligned([("stage", "trial", trials[0]["metric"], "fingerprint", "chosen"), *map(_row, trials)]))
        )
        print("\nscores are on validation rows")
    return 0


def read_trials(folder: Path) -> list[dict[str, Any]]:
    """Of all stages, the best first, failed ones last. Raises SpaceError (S0703) where there is no run."""
    from recspace.runtime.folder import EVENTS, RUN
    from recspace.runtime.journal import effective, read
    from recspace.runtime.refuse import refusal, words

    if not (folder / RUN).is_file() or not (folder / EVENTS).is_file():
        place = words(str(folder), "")
        raise refusal("S0703", f"there is no run in {folder}", place, help="give the folder of a run that was started")
    found = [event for event in effective(read(folder / EVENTS)) if event.get("event") == "trial"]
    return sorted(found, key=_rank)


def _rank(trial: dict[str, Any]) -> tuple[str, bool, float]:
    score = trial.get("score")
    if not isinstance(score, int | float):
        return str(trial.get("stage")), True, 0.0
    return str(trial.get("stage")), False, -score if higher(str(trial.get("metric"))) else score


def _row(trial: dict[str, Any]) -> tuple[str, str, str, str, str]:
    score = trial.get("score")
    said = f"{score:.4f}" if isinstance(score, int | float) else f"failed: {trial.get('failed') or 'no score'}"
    options = trial.get("chosen")
    told = "; ".join(_decision(n, e) for n, e in options.items()) if isinstance(options, dict) else "too many to list"
    return str(trial["stage"]), str(trial["trial"] + 1), said, str(trial.get("fingerprint", "")), told


def _decision(name: str, elements: dict[str, Any]) -> str:
    """As in the report: `keep: 3 of 6 on: a×b, …`."""
    inner = [(label.partition("[")[2].rstrip("]"), value) for label, value in elements.items()]
    gates = all(value in ("on", "off") for _, value in inner)
    entries = [{"key": key.split(",") if key else [], "value": value} for key, value in inner]
    return chosen.line({"name": name, "kind": "gate" if gates else "", "elements": entries})

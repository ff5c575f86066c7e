"""Several runs side by side: their figures, their means over seeds, where their decisions agree, their losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from recspace.compared import COSTS, NAMES
from recspace.runtime.course import course
from recspace.runtime.figures import higher

from .document import document
from .runs import run_data

VERSION = 1
POINTS = 400
"""Points of a series that are drawn, at most."""


def compare_page(folders: Sequence[Path]) -> str:
    """The page of several runs. Raises SpaceError (S0703) as `run_data` does."""
    return document("Runs compared", "compare_page", compare_data(folders))


def compare_data(folders: Sequence[Path]) -> dict[str, Any]:
    """`runs` in the order in which they were given; `groups`: of runs that differ in nothing but their seed, mean and
    standard deviation of each figure; `agreement`: of decisions that several runs took, how many took what."""
    whole = [run_data(folder) for folder in folders]
    runs = [_run(data) for data in whole]
    return {
        "version": VERSION,
        "figures": figures(runs),
        "higher": {name: higher(name) for name in figures(runs)},
        "costs": list(COSTS.items()),
        "runs": runs,
        "groups": _groups(runs),
        "agreement": _agreement(whole),
    }


def figures(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the figures of test rows that any of them has, the usual ones first."""
    there = {name for run in runs for name in run["test"]}
    return [name for name in NAMES if name in there] + sorted(there - NAMES.keys())


def _run(data: Mapping[str, Any]) -> dict[str, Any]:
    report, settings = data["report"] or {}, data["settings"]
    searched = report.get("searched", {})
    found = course(data["events"])
    return {
        "folder": data["folder"],
        "name": data["name"],
        "done": data["report"] is not None,
        "seed": settings.get("seed"),
        "strategy": settings.get("strategy") or "default",
        "settings": {name: value for name, value in settings.items() if name != "seed"},
        "test": {name: value for name, value in searched.get("test", {}).items() if value is not None},
        "hand_made": (report.get("hand_made") or {}).get("test", {}),
        **{name: searched.get(name) for name in COSTS},
        "latency_ms": searched.get("latency", {}).get("median"),
        "words": data["words"],
        "series": [[what, whose, _thinned(points)] for (what, whose), points in found.series.items()],
    }


def _thinned(points: Sequence[tuple[int, float]]) -> list[list[float]]:
    every = -(-len(points) // POINTS)
    return [list(point) for k, point in enumerate(points) if k % every == 0 or k == len(points) - 1]


def _groups(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Runs of one space by one strategy under the same settings, several seeds."""
    together: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if run["done"]:
            together.setdefault(f"{run['name']} {sorted(run['settings'].items(), key=str)}", []).append(run)
    found = []
    for members in together.values():
        seeds = len({member["seed"] for member in members})
        if seeds < 2:
            continue
        values = {n: [m["test"][n] for m in members if n in m["test"]] for n in figures(members)}
        values |= {n: [m[n] for m in members if m[n] is not None] for n in COSTS}
        spread = {n: [mean(own), stdev(own)] for n, own in values.items() if len(own) > 1}
        strategy = members[0]["strategy"]
        found.append({"name": members[0]["name"], "strategy": strategy, "seeds": seeds, "spread": spread})
    return found


def _agreement(whole: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Decisions of one name over the same elements in several finished runs: for each element the option that most of
    them took, and its share; of gates the share that has it on."""
    taken: dict[str, list[list[Any]]] = {}
    shown: dict[str, Mapping[str, Any]] = {}
    for data in whole:
        decisions = {d["name"]: d for d in (data["graph"] or {}).get("decisions", ())}
        for entry in data["decided"] or ():
            decision = decisions.get(entry["name"])
            if decision is None or "values" not in entry or not decision["keys"]:
                continue
            identity = f"{entry['name']} {decision['keys']}"
            shown.setdefault(identity, decision)
            taken.setdefault(identity, []).append(
                [v if a else None for v, a in zip(entry["values"], entry["active"], strict=True)]
            )
    return [_agreed(shown[i], values) for i, values in taken.items() if len(values) > 1]


def _agreed(decision: Mapping[str, Any], runs: Sequence[Sequence[Any]]) -> dict[str, Any]:
    elements = []
    for options in zip(*runs, strict=True):
        if decision["kind"] == "gate":
            elements.append(["on", sum(option == "on" for option in options) / len(runs)])
        else:
            (option, count), *_ = Counter(map(str, options)).most_common(1)
            elements.append([option, count / len(runs)])
    return {
        "name": decision["name"], "axes": decision["axes"], "kind": decision["kind"], "options": decision["options"],
        "keys": decision["keys"], "elements": elements, "runs": len(runs),
    }  # fmt: skip

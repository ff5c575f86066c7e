"""The data of a run's page: its graph, what happened, what came out of it – as far as the run has got."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recspace import chosen, compared
from recspace.dsl import SpaceError
from recspace.runtime.figures import higher
from recspace.runtime.folder import EVENTS, GRAPH, REPORT, RUN
from recspace.runtime.journal import effective, read
from recspace.runtime.refuse import reason, refusal, words

from .document import document

VERSION = 1
NAME = "report.html"
NUMBERS = 250_000
"""Weights of decisions that a page plays back, at most: about half a megabyte."""
TRIALS = 60
"""Trials whose architectures are told, the best ones; of others only the score."""
LEFT_OUT = ("version", "number")


def run_page(folder: Path, *, live: bool = False) -> str:
    """The page of a run, done or not. Raises SpaceError (S0703) where there is no run, or its files are damaged."""
    data = run_data(folder)
    return document(f"{data['name']} – {folder.name}", "report_page", {**data, "live": live}, live=live)


def write_report(folder: Path) -> Path:
    """The page beside the other files of the run. Raises SpaceError (S0703, S0706)."""
    from recspace.runtime.files import inside, write_whole

    path = inside(folder, NAME)
    write_whole(path, run_page(folder).encode())
    return path


def run_data(folder: Path) -> dict[str, Any]:
    """What the page shows, as JSON."""
    if not (folder / RUN).is_file() or not (folder / EVENTS).is_file():
        place = words(str(folder), "")
        raise refusal("S0703", f"there is no run in {folder}", place, help="give the folder of a run that was started")
    try:
        return _data(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        text = f"the files in {folder} are damaged: {reason(why)}"
        raise refusal("S0703", text, words(str(folder), ""), help="recspace resume writes them anew") from why


def _data(folder: Path) -> dict[str, Any]:
    graph, report = _json(folder / GRAPH), _json(folder / REPORT)
    architecture = _json(folder / "architecture.json") if report is not None else None
    settings, events = _json(folder / RUN), effective(read(folder / EVENTS))
    assert settings is not None
    name = (report or {}).get("space") or (graph or {}).get("name") or folder.name
    return {
        "version": VERSION,
        "name": name,
        "folder": str(folder),
        "graph": graph,
        "events": shown_events(events),
        "last": max((event["number"] for event in events), default=-1),
        "report": report,
        "settings": settings["settings"],
        "decided": None if architecture is None else [_decided(entry) for entry in architecture["decisions"]],
        "words": [] if architecture is None else chosen.lines(architecture),
        "rows": [] if report is None else [list(row) for row in compared.rows(report)],
        "remarks": [] if report is None else list(compared.remarks(report)),
        "planted": _planted(folder) if report is not None else [],
    }


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _decided(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A decision's outcome, element by element; of one with too many elements what is counted of it."""
    if "rows" in entry:  # gates of values: the share of those that are on, in every row
        shares = [row["on"] / max(row["count"], 1) for row in entry["rows"]]
        there = [True] * len(shares)
        return {"name": entry["name"], "count": entry["count"], "values": shares, "weights": shares, "active": there}
    if "elements" not in entry:
        return {"name": entry["name"], "count": entry["count"], "on": entry.get("on")}
    elements = entry["elements"]
    return {
        "name": entry["name"],
        "count": entry["count"],
        "values": [element["value"] for element in elements],
        "weights": [element.get("weight") for element in elements],
        "active": [bool(element.get("active", True)) for element in elements],
        "interactions": entry.get("interactions"),
    }


def _planted(folder: Path) -> list[str]:
    """What was to be found, where that is known."""
    from recspace.runtime.planted import of_run, said

    try:
        known = of_run(folder)
    except SpaceError:
        return []
    return [] if known is None else list(said(*known))


def shown_events(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The events without what a page has no use for, and without more weights and architectures than it can hold."""
    best = _best(events)
    numbers = sum(len(own) for event in events for own in event.get("weights", {}).values())
    every, count = -(-numbers // NUMBERS), 0
    found = []
    for k, event in enumerate(events):
        shown = shown_event(event)
        if "weights" in shown:
            count += 1
            if every > 1 and count % every and not _last(events, k):
                del shown["weights"]
        if "chosen" in shown and k not in best:
            del shown["chosen"]
        found.append(shown)
    return found


def shown_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without what a page has no use for."""
    return {name: value for name, value in event.items() if name not in LEFT_OUT}


def _last(events: Sequence[Mapping[str, Any]], k: int) -> bool:
    """Whether no later event of the stage has weights."""
    return not any("weights" in event and event.get("stage") == events[k].get("stage") for event in events[k + 1 :])


def _best(events: Iterable[Mapping[str, Any]]) -> set[int]:
    scored = [(k, event) for k, event in enumerate(events) if isinstance(event.get("score"), int | float)]
    order = sorted(scored, key=lambda pair: _goodness(pair[1]), reverse=True)
    return {k for k, _ in order[:TRIALS]}


def _goodness(event: Mapping[str, Any]) -> float:
    score = float(event["score"])
    return score if higher(str(event.get("metric"))) else -score

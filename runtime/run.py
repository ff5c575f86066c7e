"""A run on disk: started, killed at any moment, gone on with.

The folder holds `run.json` (the space as bound, the settings), `graph.json` (for pages), `events.jsonl`, `checkpoints/`, and at the end what
`search.py` leaves. A run that was resumed ends with the same bits as one that was never interrupted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recspace.dsl.diagnostics import SpaceError

from . import checkpoint, devices
from .changes import unchanged
from .files import inside
from .folder import EVENTS, GRAPH, LATENCY, REPORT, RUN, made, vacant
from .inputs import Inputs
from .journal import Journal, effective, read
from .lock import held
from .progress import Progress, Silent
from .refuse import reason, refusal, words
from .report import write_json
from .search import Search
from .settings import Settings
from .sinks import Logs, refuse_missing
from .state import State, joined

VERSION = 2


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: its folder and what is in its report.json."""

    folder: Path
    report: Mapping[str, Any]


def search(inputs: Inputs, settings: Settings, folder: Path, progress: Progress | None = None) -> Result:
    """Search in a new folder. Raises SpaceError: S06xx for a recipe that cannot be run, S07xx for what goes wrong.

    What is refused before anything was trained leaves no run behind, so that it can be put right and started again.
    """
    refuse_missing(settings.log)
    made(folder)
    with held(folder), devices.settled(settings.threads):
        vacant(folder)
        for name in (EVENTS, LATENCY):
            inside(folder, name).unlink(missing_ok=True)
        _make_parts(folder)
        journal = Journal(inside(folder, EVENTS))
        try:
            work = Search(inputs, settings, folder, journal, progress or Silent())
            write_json(folder, RUN, {"version": VERSION, "bound": dict(inputs.bound), "settings": settings.as_json()})
            if inputs.describe is not None:
                inputs.describe(folder)
            journal.write("started", stages=[s.name for s in work.stages], seed=settings.seed)
            with _logged(settings, folder, journal, inputs.graph.name):
                return Result(folder, _carry_on(work, settings, folder, journal, 0))
        except SpaceError:
            if not checkpoint.numbers(folder):
                for name in (RUN, GRAPH):
                    inside(folder, name).unlink(missing_ok=True)
            raise
        finally:
            journal.close()


Rebuild = Callable[[Mapping[str, Any], Settings], Inputs]


def resume(folder: Path, rebuild: Rebuild, progress: Progress | None = None) -> Result:
    """Go on with a run. `rebuild(bound, settings)` compiles the space again, from what the run remembers.

    Raises SpaceError: S0703 where there is no run, S0704 if space or data have changed since.
    """
    place = words(str(folder), "")
    listening = progress or Silent()
    if not (folder / RUN).is_file():
        raise refusal("S0703", f"there is no run in {folder}", place, help="give the folder of a run that was started")
    with held(folder):
        kept, settings, report = _remembered(folder)
        if report is not None:
            return Result(folder, report)
        refuse_missing(settings.log)
        inputs = rebuild(kept["bound"], settings)
        unchanged(kept["bound"], inputs.bound, folder)
        _make_parts(folder)
        journal = Journal(inside(folder, EVENTS))
        try:
            with devices.settled(settings.threads):
                return Result(folder, _resumed(inputs, settings, folder, journal, listening))
        finally:
            journal.close()


def _remembered(folder: Path) -> tuple[dict[str, Any], Settings, dict[str, Any] | None]:
    """What `run.json` says, and the report of a run that is done. Raises SpaceError (S0703) for files that no run wrote."""
    place = words(str(folder), "")
    try:
        kept = json.loads(inside(folder, RUN).read_bytes())
        if kept.get("version") != VERSION:
            raise refusal("S0703", f"the run in {folder} was made by another version", place, help="start it anew")
        settings = Settings.from_json(kept["settings"])
        report = json.loads(inside(folder, REPORT).read_bytes()) if (folder / REPORT).is_file() else None
        if not isinstance(kept["bound"], dict) or not isinstance(report, dict | None):
            raise TypeError("an object is needed")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        text = f"the files in {folder} are damaged: {reason(why)}"
        raise refusal("S0703", text, place, help="start the run anew, in another folder") from why
    return kept, settings, report


def _resumed(
    inputs: Inputs, settings: Settings, folder: Path, journal: Journal, progress: Progress
) -> Mapping[str, Any]:
    if inputs.describe is not None and not (folder / GRAPH).is_file():
        inputs.describe(folder)
    loaded = checkpoint.read(folder)
    for name in loaded.damaged if loaded is not None else ():
        progress.say(f"{name} is damaged; the one before is used")
    work = Search(inputs, settings, folder, journal, progress)
    number = 0
    if loaded is not None and loaded.number >= 0:
        number = loaded.number + 1
        journal.write("resumed", **{"from": int(loaded.state.facts["events"])}, damaged=list(loaded.damaged))
        work.restore(loaded.state.part("search"))
    else:
        journal.write("resumed", **{"from": 0}, damaged=list(loaded.damaged) if loaded is not None else [])
    with _logged(settings, folder, journal, inputs.graph.name):
        return _carry_on(work, settings, folder, journal, number)


@contextmanager
def _logged(settings: Settings, folder: Path, journal: Journal, name: str) -> Iterator[None]:
    """The sinks that the settings ask for, open while the run goes on."""
    if not settings.log:
        yield
        return
    logs = Logs(settings.log, folder, name, effective(read(journal.path)))
    journal.listeners.append(logs.tell)
    try:
        yield
    finally:
        journal.listeners.remove(logs.tell)
        logs.close()


def _carry_on(work: Search, settings: Settings, folder: Path, journal: Journal, number: int) -> Mapping[str, Any]:
    """Step until the end, with a checkpoint after every stage, and in between by time or by steps."""
    saved, steps = time.monotonic(), 0
    while not work.done:
        ended = work.step()
        steps += 1
        by_steps = settings.checkpoint_steps and steps % settings.checkpoint_steps == 0
        if ended or by_steps or time.monotonic() - saved > settings.checkpoint_s:
            journal.sync()
            checkpoint.write(folder, number, _with_events(work, journal))
            number, saved = number + 1, time.monotonic()
    return work.finish()


def _with_events(work: Search, journal: Journal) -> State:
    return joined({"search": work.state()}, {"events": journal.number})


def _make_parts(folder: Path) -> None:
    inside(folder, checkpoint.FOLDER).mkdir(exist_ok=True)

"""Where the events of a run go besides `events.jsonl`: a file here is a sink, its name what `--log` takes.

A sink is a function `opened(folder, name, step)` that gives something with `scalar(tag, value, step)` and `close()`.
`step`: how many steps the run has done already; what was told of later ones is told again. No sink is ever asked for
anything, and none is needed to go on with a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from recspace.dsl.diagnostics import SpaceError

from ..course import Course
from ..refuse import refusal, words

NAMES = ("mlflow", "tensorboard")


class Sink(Protocol):
    """One open log. Tags are `loss/0.relax`, `auc/2.retrain`, `entropy/keep`."""

    def scalar(self, tag: str, value: float, step: int) -> None: ...

    def close(self) -> None: ...


def refuse_missing(names: Iterable[str]) -> None:
    """Raises SpaceError (S0720) for a sink whose package is not installed, and for one that there is not."""
    faults: list[SpaceError] = []
    for name in names:
        place = words("--log", name)
        if name not in NAMES:
            faults.append(refusal("S0720", f"there is no log `{name}`", place, help=f"logs are {' and '.join(NAMES)}"))
        elif find_spec(name) is None:
            help = f"pip install 'recspace[{name}]'; recspace watch and recspace report need nothing"
            faults.append(refusal("S0720", f"{name} is not installed", place, help=help))
    if faults:
        raise SpaceError([d for fault in faults for d in fault.diagnostics])


class Logs:
    """Several sinks, told of the events of one run."""

    def __init__(self, names: Iterable[str], folder: Path, run: str, before: Iterable[Mapping[str, Any]]) -> None:
        """`before`: the events that stand already, of a run that is gone on with."""
        self._course = Course()
        for event in before:
            self._course.add(event)
        stages = self._course.stages
        step = stages[-1].begins + stages[-1].at if stages else 0
        self._sinks: list[Sink] = [import_module(f"{__name__}.{name}").opened(folder, run, step) for name in names]

    def tell(self, event: Mapping[str, Any]) -> None:
        if not self._sinks:
            return
        for what, whose, step, value in self._course.add(event):
            for sink in self._sinks:
                sink.scalar(f"{what}/{whose}", value, step)
        if event.get("event") == "done":
            for name, value in (event.get("figures", {}).get("test") or {}).items():
                for sink in self._sinks:
                    if isinstance(value, int | float):
                        sink.scalar(f"test/{name}", float(value), self._steps)

    @property
    def _steps(self) -> int:
        return sum(stage.at for stage in self._course.stages)

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()

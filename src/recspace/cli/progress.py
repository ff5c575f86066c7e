"""How a run is shown while it goes on: bars on a terminal, lines elsewhere. Both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


def watcher(*, terminal: bool) -> Lines | Bar:
    """Bars where someone is watching, else lines."""
    return Bar() if terminal else Lines()


def told(figures: Mapping[str, object]) -> str:
    """`auc 0.8012  logloss 0.5210`, the numbers among figures alone; `trial 3  auc 0.6105` of what a sampler tried."""
    parts = [f"{name} {_number(value)}" for name, value in figures.items() if isinstance(value, float)]
    if "trial" in figures:
        parts = [f"trial {figures['trial']}", *(parts or ["failed"])]
    return "  ".join(parts)


def _number(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else "undefined"


def ending(figures: Mapping[str, object]) -> str:
    """Why a stage did not do all its steps."""
    match figures.get("ended_by"):
        case "patience":
            return ", no better score for a while (patience)"
        case "hours":
            return ", the time was up (--hours)"
        case _:
            return ""


class Lines:
    """One line for each stage that begins and ends, and one for each epoch."""

    def __init__(self) -> None:
        self._stage, self._steps, self._at, self._since = "", 0, 0, time.monotonic()

    def begin(self, stage: str, steps: int) -> None:
        self._stage, self._steps, self._at, self._since = stage, steps, 0, time.monotonic()
        self.say(f"{stage}: " + ("1 step" if steps == 1 else f"at most {steps:,} steps"))

    def advance(self, at: int, figures: Mapping[str, float]) -> None:
        self._at = at
        if figures:
            self.say(f"{self._stage}: step {at:,} of {self._steps:,}  {told(figures)}")

    def end(self, stage: str, figures: Mapping[str, object]) -> None:
        self.say(
            f"{stage}: done after {self._at:,} step{'s' * (self._at != 1)} in {time.monotonic() - self._since:.1f} s{ending(figures)}"
        )

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


class Bar:
    """A bar for each stage, with the figures of the last epoch."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        self._bars: Bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None
        self._bars.start()

    def begin(self, stage: str, steps: int) -> None:
        self._task = self._bars.add_task(stage, total=steps or None, figures="")

    def advance(self, at: int, figures: Mapping[str, float]) -> None:
        if self._task is None:
            return
        self._bars.update(self._task, completed=at)
        if figures:
            self._bars.update(self._task, figures=told(figures))

    def end(self, stage: str, figures: Mapping[str, object]) -> None:
        if self._task is not None:
            total = self._bars.tasks[self._task].completed
            self._bars.update(self._task, total=total or 1, completed=total or 1)
            self._bars.stop_task(self._task)

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()

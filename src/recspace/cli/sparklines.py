"""The course of a run in a terminal: a bar for the stage at hand, a sparkline for every series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from recspace.runtime.course import Course

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 44
SHOWN = 14
"""Series that are drawn."""


def read(folder: Path) -> Course:
    """The course of a run so far. Raises SpaceError (S0703) where there is none."""
    from recspace.runtime.course import course
    from recspace.runtime.folder import EVENTS, RUN
    from recspace.runtime.journal import effective
    from recspace.runtime.journal import read as events_of
    from recspace.runtime.refuse import refusal, words

    if not (folder / RUN).is_file() or not (folder / EVENTS).is_file():
        place = words(str(folder), "")
        raise refusal("S0703", f"there is no run in {folder}", place, help="give the folder of a run that was started")
    return course(effective(events_of(folder / EVENTS)))


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Values as blocks of eight heights; where there are too many, the mean of neighbours."""
    if not values:
        return ""
    count = min(width, len(values))
    edges = [len(values) * k // count for k in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(BLOCKS[min(7, int((v - low) / span * 8))] for v in means)


def picture(folder: Path, course: Course) -> RenderableType:
    """Names are text: nothing in them is markup of the terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    stages = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("stage", "steps", "", "seconds", "memory"):
        stages.add_column(name, justify="left" if name in ("stage", "") else "right")
    for stage in course.stages:
        done = stage.seconds is not None
        bar = "" if done or not stage.steps else _bar(stage.at / stage.steps)
        seconds = f"{stage.seconds:.1f}" if stage.seconds is not None else ""
        memory = f"{stage.memory_mb:,.0f} MB" if stage.memory_mb is not None else ""
        stages.add_row(Text(stage.name), f"{stage.at:,}", bar, seconds, memory)
    lines = Table(box=None, pad_edge=False, show_header=False)
    for (what, whose), points in list(course.series.items())[-SHOWN:]:
        values = [value for _, value in points]
        lines.add_row(
            Text(what, style="bold"),
            Text(whose, style="dim"),
            Text(sparkline(values), style="cyan"),
            f"{values[-1]:.4g}",
        )
    state = f"failed: {course.failed}" if course.failed else "done" if course.done else "running"
    return Group(Text(f"{folder}: {state}"), Text(""), stages, Text(""), lines)


def _bar(part: float, width: int = 20) -> str:
    filled = round(min(1.0, part) * width)
    return "━" * filled + "╌" * (width - filled)

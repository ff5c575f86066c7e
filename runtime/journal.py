"""What happened in a run: `events.jsonl`, one JSON object a line, only ever added to.

Each line has `version`, `number` (counted from 0), `time` (seconds since 1970), `event`, mostly `stage` and `step`. A
run that was killed goes on from a checkpoint; the line `resumed` says from which number on the lines before it count
no longer, since the same work is done again.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = 1


class Journal:
    """The open end of an events file. A line is one write, so a crash tears at most the last one."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            # What the torn line held is unknown: closed here, skipped by readers.
            os.write(self._descriptor, b"\n")
        self.number = max((event["number"] for event in read(path)), default=-1) + 1

    def write(self, event: str, **fields: Any) -> None:
        """Add one line. Numbers that are not finite are written as null."""
        line = {"version": VERSION, "number": self.number, "time": round(self._clock(), 3), "event": event, **fields}
        clean = finite(line)
        os.write(self._descriptor, (json.dumps(clean, ensure_ascii=False, allow_nan=False) + "\n").encode())
        self.number += 1
        for listener in self.listeners:
            listener(clean)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def finite(value: Any) -> Any:
    """The value with NaN and infinities as None: JSON has no word for them."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case _:
            return value


def read(path: Path) -> list[dict[str, Any]]:
    """Every line that can be read, in order; a torn one is left out."""
    events: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("number"), int):
            events.append(event)
    return events


def effective(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events without those that were done again after a `resumed`."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["event"] == "resumed":
            start = event["from"]
            kept = [earlier for earlier in kept if earlier["number"] < start]
        kept.append(event)
    return kept

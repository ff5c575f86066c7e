"""What differs between what a run remembers and what is there now, to be read: lines, columns, rows. No torch here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from recspace.dsl.diagnostics import Diagnostic, SpaceError

from .refuse import words

PLACES = frozenset({"asked", "table"})
"""What a run remembers of where things lie: they may lie elsewhere when it goes on."""
LINES = 20
"""Changed lines that are shown at most."""


def unchanged(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raises SpaceError (S0704), saying what differs, if a run would go on with another space or other data."""
    # As JSON has it: tuples are lists there. Where the files lie makes no difference, only what is in them.
    today = json.loads(json.dumps(now))
    changed = sorted(name for name in {*before, *today} - PLACES if before.get(name) != today.get(name))
    if changed:
        told = tuple(line for name in changed for line in difference(name, before.get(name), today.get(name)))
        text = f"{', '.join(changed)} changed since this run was started"
        help = "put it back as it was, or start a new run in another folder (-o); this one can be removed"
        raise SpaceError([Diagnostic("S0704", text, words(str(folder), ""), help=help, lines=told)])


def difference(name: str, before: Any, now: Any) -> Iterator[str]:
    """Lines that say how one entry differs."""
    if name == "space" and isinstance(before, list) and isinstance(now, list):
        yield from _texts(before, now)
    elif name == "data" and isinstance(before, dict) and isinstance(now, dict):
        yield from _tables(before, now)
    else:
        yield f"{name}: {before} → {now}"


def _texts(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """Of a space and what it imports: the lines that are gone and those that came, as in a unified diff."""
    for number in range(max(len(before), len(now))):
        old, new = (texts[number].splitlines() if number < len(texts) else [] for texts in (before, now))
        lines = list(unified_diff(old, new, "when the run was started", "now", n=0, lineterm=""))
        yield from lines[:LINES]
        if len(lines) > LINES:
            yield f"… and {len(lines) - LINES:,} more lines"


def _tables(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Of a table: rows, columns, and those whose cells are others; else its meaning or its split."""
    if before["rows"] != now["rows"]:
        yield f"rows: {before['rows']:,} → {now['rows']:,}"
    old, new = before["columns"], now["columns"]
    for word, names in (("gone", old.keys() - new.keys()), ("new", new.keys() - old.keys())):
        if names:
            yield f"columns that are {word}: {', '.join(sorted(names))}"
    others = [name for name in old if name in new and old[name] != new[name]]
    if others and before["rows"] == now["rows"]:
        yield f"columns with other cells: {', '.join(others)}"
    for what in ("meaning", "split"):
        if before[what] != now[what]:
            yield f"the {what} of its columns is another" if what == "meaning" else "its rows are split otherwise"
    yield f"hash: {before['hash'][:16]} → {now['hash'][:16]}"

"""What `recspace tune` found, as a file that `recspace run --tuned` takes: passes left out, rows of a tile.

{"without": ["mix"], "tile": 256}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recspace.compiler.lower import SWITCHES
from recspace.dsl import Diagnostic, Source, SpaceError, Span

LARGEST = 2**24


@dataclass(frozen=True, slots=True)
class Tuned:
    """`tile`: rows, 0 for as many as the compiler would take."""

    without: tuple[str, ...] = ()
    tile: int = 0


def read(path: str | Path) -> Tuned:
    """What such a file says. Raises SpaceError (S0820) for any other file."""
    where = Path(path)
    try:
        found = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as why:
        raise _refused(where, f"it cannot be read: {why}") from why
    if not isinstance(found, dict) or "without" not in found or "tile" not in found:
        raise _refused(where, "it has no `without` and `tile`")
    without, tile = found["without"], found["tile"]
    if not isinstance(without, list) or any(name not in SWITCHES for name in without):
        raise _refused(where, f"`without` is a list of {', '.join(SWITCHES)}")
    if type(tile) is not int or not 0 <= tile <= LARGEST:
        raise _refused(where, "`tile` is a number of rows, 0 for as many as the compiler would take")
    return Tuned(tuple(without), tile)


def as_data(tuned: Tuned) -> dict[str, Any]:
    return {"without": list(tuned.without), "tile": tuned.tile}


def _refused(where: Path, why: str) -> SpaceError:
    text = f"{where} is not what `recspace tune` writes: {why}"
    help = "recspace tune FILE --data DATA -o tuned.json"
    return SpaceError([Diagnostic("S0820", text, Span(Source(str(where), ""), 0, 0), help=help)])

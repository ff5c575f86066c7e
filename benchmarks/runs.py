"""Runs that a benchmark keeps: done once, and read ever after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import recspace


def kept(folder: Path, search: Callable[[Path], recspace.Run]) -> recspace.Run:
    """The run that lies in the folder, gone on with if it was cut off; where there is none, that of `search`."""
    return recspace.Run(folder).resume() if (folder / "run.json").is_file() else search(folder)

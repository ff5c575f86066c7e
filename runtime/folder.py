"""The folder of a new run: whether a run may have it. No torch, so that a command can look before it reads a table."""

from __future__ import annotations

from pathlib import Path

from recspace.dsl.diagnostics import SpaceError

from .files import unwritable
from .lock import FILE as LOCK
from .refuse import refusal, words

RUN, EVENTS, REPORT, CHECKPOINTS = "run.json", "events.jsonl", "report.json", "checkpoints"
GRAPH = "graph.json"
"""The graph of the space, as pages show it."""
LATENCY = "latency.jsonl"
"""What architectures took, where a space bounds it."""
LEFT = frozenset({LOCK, EVENTS, CHECKPOINTS, LATENCY})
"""What a run may leave that was refused before it trained anything; no checkpoint lies there then."""


def made(folder: Path) -> None:
    """Make the folder of a new run. Raises SpaceError: S0709 where a file stands there, S0706 where the disk refuses."""
    try:
        _no_file(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def vacant(folder: Path) -> None:
    """Raises SpaceError (S0709) where something stands in the way of a new run in the folder."""
    try:
        _no_file(folder)
        if folder.is_dir() and not forgettable(folder):
            raise _full(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def _no_file(folder: Path) -> None:
    standing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if standing.exists() and not standing.is_dir():
        raise _occupied(folder, f"{standing} is a file, and a run is a folder", standing)


def forgettable(folder: Path) -> bool:
    """Whether nothing is in the folder but what a run left that was refused before it trained anything."""
    parts = folder / CHECKPOINTS
    known = {path.name for path in folder.iterdir()} <= LEFT
    return known and not (parts.is_dir() and any(parts.iterdir()))


def forget(folder: Path) -> None:
    """Remove what a run left that was refused; nothing where there is more."""
    if not folder.is_dir() or not forgettable(folder):
        return
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def _full(folder: Path) -> SpaceError:
    if (folder / REPORT).is_file():
        return _occupied(folder, f"{folder} holds a run that is done", folder, f"recspace resume {folder} shows it")
    if (folder / RUN).is_file():
        return _occupied(folder, f"{folder} holds a run", folder, f"recspace resume {folder} goes on with it")
    return _occupied(folder, f"{folder} is not empty", folder)


def _occupied(folder: Path, message: str, standing: Path, besides: str = "") -> SpaceError:
    help_text = f"give a new run a folder of its own: -o {_free(standing)}"
    return refusal("S0709", message, words(str(folder), ""), help=help_text + (f"; {besides}" if besides else ""))


def _free(taken: Path) -> Path:
    number = 2
    while taken.with_name(f"{taken.name}-{number}").exists():
        number += 1
    return taken.with_name(f"{taken.name}-{number}")

"""Files that are either there in full or not at all, and never outside the folder they belong to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .refuse import refusal, words


def dumped(value: Any) -> bytes:
    """JSON in one form only: sorted keys, no NaN, a newline at the end."""
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the place, fsync, rename, fsync the folder: a crash leaves the old file or the new one.

    Raises SpaceError (S0706) where the disk refuses; what was there before is untouched then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> Exception:
    text = error.strerror or str(error)
    return refusal("S0706", f"{path} cannot be written: {text}", words(str(path), ""), help="what was there is whole")


def inside(folder: Path, name: str) -> Path:
    """The path of a part of a run's folder. Raises SpaceError (S0705) where a link would lead out of it."""
    path = folder / name
    place = words(str(path), "")
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise refusal("S0705", f"{path} is a link; a run only writes inside its own folder", place, help="remove it")
    return path

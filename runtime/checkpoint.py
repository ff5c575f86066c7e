"""Checkpoints: tensors as safetensors, facts as JSON, and a manifest with the SHA-256 of both.

`checkpoints/00000007/` is written under a temporary name and renamed when it is on the disk, so one that can be seen is
whole; the last two are kept. Reading checks every bit against the manifest: a damaged one is passed over and that is
said. Nothing that is read is executed or unpickled.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from .files import dumped, inside, sync_folder, unwritable
from .state import State

VERSION = 1
FOLDER = "checkpoints"
KEPT = 2
TENSORS, FACTS, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint that was read, and the names of newer ones that were damaged."""

    number: int
    state: State
    damaged: tuple[str, ...]


def write(run: Path, number: int, state: State) -> None:
    """Write checkpoint `number` of a run and drop those before the last two. Raises SpaceError (S0706) if it cannot."""
    folder = inside(run, FOLDER)
    final, temporary = folder / f"{number:08d}", folder / f".{number:08d}.{os.getpid()}.tmp"
    contents = {TENSORS: save(dict(state.tensors)), FACTS: dumped(dict(state.facts))}
    manifest = {
        "version": VERSION,
        "number": number,
        "files": {name: {"sha256": sha256(text).hexdigest(), "bytes": len(text)} for name, text in contents.items()},
    }
    try:
        folder.mkdir(exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        for name, text in {**contents, MANIFEST: dumped(manifest)}.items():
            with (temporary / name).open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(temporary)
        # One of this number is a leftover: newer than what was resumed from, hence damaged or superseded.
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise unwritable(final, error) from error
    for old in numbers(run)[:-KEPT]:
        shutil.rmtree(folder / f"{old:08d}", ignore_errors=True)


def numbers(run: Path) -> list[int]:
    """The checkpoints that are there, oldest first, damaged ones too."""
    folder = run / FOLDER
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def read(run: Path) -> Loaded | None:
    """The newest whole checkpoint; None where there is none."""
    damaged: list[str] = []
    for number in reversed(numbers(run)):
        state = _read_one(inside(run, FOLDER) / f"{number:08d}", number)
        if state is not None:
            return Loaded(number, state, tuple(damaged))
        damaged.append(f"{FOLDER}/{number:08d}")
    return Loaded(-1, State(), tuple(damaged)) if damaged else None


def _read_one(folder: Path, number: int) -> State | None:
    """The state in a folder, None if a single bit of it is not what was written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        contents = {name: (folder / name).read_bytes() for name in (TENSORS, FACTS)}
        files = {n: {"sha256": sha256(c).hexdigest(), "bytes": len(c)} for n, c in contents.items()}
        if manifest != {"version": VERSION, "number": number, "files": files}:
            return None
        return State(load(contents[TENSORS]), json.loads(contents[FACTS]))
    except (OSError, ValueError, SafetensorError):
        return None

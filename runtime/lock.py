"""One process a run folder. The lock dies with its process, so that a killed run can be resumed at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import inside
from .refuse import refusal, words

FILE = "lock"
PATIENCE_S = 0.5


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder. Raises SpaceError (S0701), naming the PID, if another process holds it."""
    descriptor = os.open(inside(folder, FILE), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refusal(
                "S0701",
                f"{folder} is in use by process {_holder(descriptor)}",
                words(str(folder), ""),
                help="wait for it to end, or give this run a folder of its own with -o",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """The PID in the file; the winner may not have written it yet."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace")
        if text.endswith("\n"):
            return text.strip()
        time.sleep(0.01)
    return "unknown"

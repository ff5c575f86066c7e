"""Processes that are killed at random moments (SIGKILL), and gone on with until they end.

They come of a server that has imported what they need: a process that has to import torch would be killed while it does.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([
    "torch", "torch._dynamo", "polars", "optuna", "recspace.compiler.compile", "recspace.compiler.codegen", "recspace.compiler.lower",
    "recspace.pages.runs", "recspace.pages.graphs", "recspace.running", "recspace.runtime.run", "recspace.runtime.registry",
])  # fmt: skip


def straight(work: Callable[..., None], folder: Path, *arguments: object) -> float:
    """A run that nobody kills; how long it takes once it has begun."""
    process, begun = _begun(work, folder, arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begun


def killed(
    work: Callable[..., None], folder: Path, kills: int, seconds: float, chance: random.Random, *arguments: object
) -> int:
    """`work(folder, …)` until there is a report, killed at up to so many moments of a run that takes so long; how often it was."""
    done = 0
    while not (folder / "report.json").exists():
        process, _ = _begun(work, folder, arguments)
        process.join(chance.uniform(0, 0.3 * seconds) if done < kills else None)
        if process.is_alive():
            process.kill()
            process.join()
            done += 1
        assert process.exitcode in (0, -9)
    return done


def _begun(work: Callable[..., None], folder: Path, arguments: tuple[object, ...]) -> tuple[ForkServerProcess, float]:
    """A process from when it has told of something; and when that was."""
    before = _told(folder)
    process = SERVER.Process(target=work, args=(folder, *arguments))
    process.start()
    while process.is_alive() and _told(folder) == before:
        time.sleep(0.001)
    return process, time.monotonic()


def _told(folder: Path) -> int:
    path = folder / "events.jsonl"
    return path.stat().st_size if path.exists() else 0


def cell(folder: Path, data: Path, name: str, strategy: str) -> None:
    """A cell of the matrix: started in the folder, or gone on with."""
    import every_space
    import matrix

    import recspace
    from recspace.runtime import devices
    from recspace.runtime.settings import Settings
    from recspace.support import start

    with devices.settled(1):
        if (folder / "run.json").exists():
            recspace.Run(folder).resume()
            return
        space = every_space.compiled(name, data)
        text, _ = matrix.tried(space, name, strategy)
        start(space, Settings(seed=1, epochs=2, strategy=text, checkpoint_steps=2, checkpoint_s=1e9), folder)


def by_hand(folder: Path, text: str, factory: str) -> None:
    """A small model written by hand: started, or gone on with."""
    import by_hand as models

    from recspace.runtime.run import resume, search
    from recspace.runtime.settings import Settings

    made = getattr(models, factory)
    if (folder / "run.json").exists():
        resume(folder, lambda bound, _: models.inputs(bound["text"], made))
    else:
        search(models.inputs(text, made), Settings(seed=3, checkpoint_steps=7, checkpoint_s=1e9), folder)

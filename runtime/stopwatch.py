"""Latency as a cost: `require latency <= 2 ms`. Architectures are measured on the device at hand, each once in a run.

What was measured is in `latency.jsonl`, one JSON object a line: `fingerprint` (of the architecture), `ns` (the median of a
batch of `rows`), `device`, `threads`. It stays when a run is gone on with, so that what was chosen by it is chosen again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recspace.compiler.architectures import fingerprint, hand_made
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Cost, Graph

from .examples import Examples
from .files import inside
from .folder import LATENCY
from .latency import latency
from .module import build, initialise
from .refuse import refusal, words

MILLION = 1_000_000


def measured(graph: Graph) -> bool:
    """Whether anything in a space is about latency."""
    return any(isinstance(node, Cost) and node.measure == "latency" for _, node in graph.items())


@dataclass(eq=False)
class Stopwatch:
    """Called with an architecture: nanoseconds of a batch of its plain model, weights at their start.

    `compiled` makes that of any architecture, whether it meets the requirements or not. Raises SpaceError (S0703) at once
    for a file that no run wrote.
    """

    compiled: Callable[[Architecture], Compiled]
    graph: Graph
    examples: Examples
    device: torch.device
    folder: Path

    def __post_init__(self) -> None:
        self._known: dict[str, int] = {line["fingerprint"]: line["ns"] for line in read(self.folder)}

    def __call__(self, architecture: Architecture) -> int:
        whole = {**hand_made(self.graph), **architecture}
        key = fingerprint(self.graph, whole)
        if key not in self._known:
            self._known[key] = self._measure(key, whole)
        return self._known[key]

    def _measure(self, key: str, architecture: Architecture) -> int:
        model = build(self.compiled(architecture), self.device)
        initialise(model, 0)
        found = latency(model, self.examples, self.examples.train, {})
        ns = max(1, round(float(found["median"]) * MILLION))
        line = {"fingerprint": key, "ns": ns, **{name: found[name] for name in ("rows", "device", "threads")}}
        _add(inside(self.folder, LATENCY), line)
        return ns


def read(folder: Path) -> list[dict[str, Any]]:
    """What a run has measured; a line that a crash has torn is left out. Raises SpaceError (S0703) for what no run wrote."""
    if not (folder / LATENCY).exists():
        return []
    found = []
    for text in inside(folder, LATENCY).read_bytes().split(b"\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not (isinstance(line, dict) and isinstance(line.get("fingerprint"), str) and type(line.get("ns")) is int):
            place = words(str(folder), "")
            raise refusal("S0703", f"{LATENCY} of {folder} is damaged", place, help=f"remove {folder / LATENCY}")
        found.append(line)
    return found


def _add(path: Path, line: dict[str, Any]) -> None:
    """One write of a whole line; begun with a line end, so that one torn by a crash stays by itself."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    try:
        os.write(descriptor, ("\n" + json.dumps(line) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What a stage tells while it goes on, so that it can be watched and played back: the loss, and what the decisions weigh.

Told is at steps that depend on nothing but the stage's length, so that a resumed run tells the same; and what is told is
bounded: about `TIMES` lines a stage, weights in every other one, of decisions of at most `MOST` numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision

from .choices import kind, tensors_of
from .journal import finite
from .supernet_stages import Fitting
from .task import Task

TIMES = 100
MOST = 2_000
LARGEST = 1_000_000
"""Elements above which a decision is not looked at before its stage is done: that would take as long as training."""


def due(task: Task) -> int:
    """Which telling this step is, from 1; 0 where nothing is told."""
    every = max(1, math.ceil(task.steps / TIMES))
    number, rest = divmod(task.at, every)
    return number + 1 if rest == 0 or task.done else 0


def told(task: Task, decisions: tuple[Decision, ...]) -> dict[str, Any]:
    """The line of this step; nothing where there is nothing to tell.

    `loss`: the mean of the epoch so far, over `of` steps. `weights`: of decisions that are being learned, rounded, of
    gates of values the mean of every row; how likely
    options are, where training sees one alone.
    `entropy`: how undecided they are, from 0 to 1: the mean of −Σ p log p / log N over their elements. `open`: the share
    of raw gates, which are no probabilities, that are not 0.
    """
    number = due(task)
    if not number or not isinstance(task, Fitting):
        return {}
    found: dict[str, Any] = {}
    loss = task.fit.loss_so_far
    if loss is not None:
        found["loss"], found["of"] = round(loss[0], 6), loss[1]
    if task.fit.choosing.parameters and (number % 2 == 0 or task.done):
        found |= _decided(task, decisions)
    clean: dict[str, Any] = finite(found)
    return clean


def _decided(task: Fitting, decisions: tuple[Decision, ...]) -> dict[str, Any]:
    small = {d.name: d for d in decisions if d.elements <= LARGEST}
    if len(small) < len(decisions):
        return {}
    found: dict[str, dict[str, Any]] = {"weights": {}, "entropy": {}, "open": {}}
    with torch.no_grad():
        choosing = task.fit.choosing
        for name, weights in tensors_of(getattr(choosing, "likely", choosing.settled)()).items():
            if name not in small:
                continue
            raw = task.raw and kind(small[name]).name == "gate"
            measure, value = ("open", _open(weights)) if raw else ("entropy", undecided(small[name], weights))
            found[measure][name] = round(value, 4)
            shown = _by_row(small[name], weights) if small[name].packed else weights
            if shown.numel() <= MOST:
                found["weights"][name] = [round(w, 3) for w in shown.float().flatten().tolist()]
    return {name: of for name, of in found.items() if of}


def _by_row(decision: Decision, weights: Tensor) -> Tensor:
    """Of gates of values the mean of every row."""
    number_E = torch.repeat_interleave(torch.tensor(decision.counts)).to(weights.device)
    total_R = torch.zeros(len(decision.counts), device=weights.device).index_add(0, number_E, weights.float())
    return total_R / torch.tensor(decision.counts, device=weights.device).clamp(min=1)


def _open(weights: Tensor) -> float:
    return float((weights != 0).float().mean())


def undecided(decision: Decision, weights: Tensor) -> float:
    """0: every element has one option; 1: all options of all elements weigh the same."""
    w = weights.double().clamp(0, 1)
    if kind(decision).name == "choice":
        count = max(2, w.shape[-1])
        each = -(w * w.clamp(min=1e-12).log()).sum(-1) / math.log(count)
    else:
        each = -(w * w.clamp(min=1e-12).log2() + (1 - w) * (1 - w).clamp(min=1e-12).log2())
    return float(each.mean())


def memory_mb(device: torch.device) -> dict[str, float]:
    """The most memory that this process, and the device, have held so far."""
    found: dict[str, float] = {}
    if sys.platform != "win32":
        import resource

        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        found["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
    if device.type == "cuda":
        found["device_memory_mb"] = round(torch.cuda.max_memory_allocated(device) / 1024**2, 1)
    return found


def parameters(tensors: Mapping[str, Tensor]) -> int:
    """Numbers in all of them."""
    return sum(tensor.numel() for tensor in tensors.values())

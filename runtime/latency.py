"""How long a model takes for a batch, on the device at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor

from .choices import Weigher
from .examples import Examples
from .module import Model

Choices = Mapping[str, Tensor | Weigher]
ROWS = 256
WARM, LEAST, MOST, LONGEST_S = 3, 11, 101, 0.2
"""Passes that are not counted; passes that are, unless they take longer than this together."""


@torch.no_grad()
def latency(model: Model, examples: Examples, rows: Tensor, choices: Choices) -> dict[str, Any]:
    """The median and the quartiles, in milliseconds, of passes over the first rows, as one batch that lies ready; empty where there
    are no rows. `rows`: how many these are; `passes`: how many were timed, on `device` with `threads`.

    With one thread of the CPU it is processor time, so that what else the machine does is not counted.
    """
    return _told(examples, rows, *_timed([(model, choices)], examples, rows)) if rows.numel() else {}


@torch.no_grad()
def against(
    model: Model, other: Model, examples: Examples, rows: Tensor, choices: Choices, others: Choices
) -> dict[str, Any]:
    """The latency of a model, and in `against` the median of the other, timed in turns with it: whatever else goes on meets both.
    `ratio`: the median of the model's passes by the other's just before, with its quartiles."""
    if not rows.numel():
        return {}
    theirs, ours = _timed([(other, others), (model, choices)], examples, rows)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return {
        **_told(examples, rows, ours),
        "against": {
            "median": round(median(theirs), 4), "ratio": round(median(ratios), 4), "ratio_quartiles": [round(low, 4), round(high, 4)],
            "same_text": model.compiled.source == other.compiled.source,
        },
    }  # fmt: skip


def _clock(examples: Examples) -> Callable[[], float]:
    one = examples.encoded.device.type == "cpu" and torch.get_num_threads() == 1
    return time.thread_time if one else time.perf_counter


def _timed(models: Sequence[tuple[Model, Choices]], examples: Examples, rows: Tensor) -> list[list[float]]:
    """Milliseconds of every pass, by model, in turns."""
    device, clock = examples.encoded.device, _clock(examples)
    batches = [examples.of(model.compiled.columns).batch(rows[:ROWS]) for model, _ in models]
    for model, _ in models:
        model.module.eval()

    def one_pass(k: int) -> float:
        began = clock()
        models[k][0].module(batches[k], models[k][1], {})
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (clock() - began) * 1000

    for _ in range(WARM):
        for k in range(len(models)):
            one_pass(k)
    began, times = clock(), [list[float]() for _ in models]
    while len(times[0]) < LEAST or (len(times[0]) < MOST and clock() - began < LONGEST_S * len(models)):
        for k, own in enumerate(times):
            own.append(one_pass(k))
    return times


def _told(examples: Examples, rows: Tensor, times: Sequence[float]) -> dict[str, Any]:
    low, _, high = quantiles(times, n=4, method="inclusive")
    return {
        "rows": min(ROWS, rows.numel()), "median": round(median(times), 4), "quartiles": [round(low, 4), round(high, 4)],
        "passes": len(times), "device": examples.encoded.device.type, "threads": torch.get_num_threads(),
        "clock": _clock(examples).__name__,
    }  # fmt: skip

"""How long a model takes for a batch, on the device at hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor

from .choices import Weigher
from .examples import Examples
from .module import Model

ROWS = 256
WARM, LEAST, MOST, LONGEST_S = 3, 5, 101, 0.2
"""Passes that are not counted; passes that are, unless they take longer than this together."""


@torch.no_grad()
def latency(model: Model, examples: Examples, rows: Tensor, choices: Mapping[str, Tensor | Weigher]) -> dict[str, Any]:
    """The median and the quartiles, in milliseconds, of passes over the first rows, as one batch that lies ready; empty where there are no
    rows. `rows`: how many these are, `passes`: how many were timed, on `device` with `threads`."""
    if not rows.numel():
        return {}
    model.module.eval()
    batch = examples.of(model.compiled.columns).batch(rows[:ROWS])
    for _ in range(WARM):
        _pass(model, batch, choices)
    began, times = time.perf_counter(), list[float]()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() - began < LONGEST_S):
        times.append(_pass(model, batch, choices))
    low, _, high = quantiles(times, n=4, method="inclusive")
    return {
        "rows": min(ROWS, rows.numel()), "median": round(median(times), 4), "quartiles": [round(low, 4), round(high, 4)],
        "passes": len(times), "device": rows.device.type if not batch else next(iter(batch.values())).device.type,
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def _pass(model: Model, batch: Mapping[str, Tensor], choices: Mapping[str, Tensor | Weigher]) -> float:
    """Milliseconds until the predictions are there."""
    began = time.perf_counter()
    found: Tensor = model.module(batch, choices, {})
    if found.device.type == "cuda":
        torch.cuda.synchronize(found.device)
    return (time.perf_counter() - began) * 1000

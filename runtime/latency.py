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
WARM, LEAST, MOST, LONGEST_S = 3, 11, 101, 0.2
"""Passes that are not counted; passes that are, unless they take longer than this together."""


@torch.no_grad()
def latency(model: Model, examples: Examples, rows: Tensor, choices: Mapping[str, Tensor | Weigher]) -> dict[str, Any]:
    """The median and the quartiles, in milliseconds, of passes over the first rows, as one batch that lies ready; empty where there
    are no rows. `rows`: how many these are; `passes`: how many were timed, on `device` with `threads`.

    With one thread of the CPU it is processor time, so that what else the machine does is not counted.
    """
    if not rows.numel():
        return {}
    model.module.eval()
    batch = examples.of(model.compiled.columns).batch(rows[:ROWS])
    device, threads = examples.encoded.device, torch.get_num_threads()
    clock = time.thread_time if device.type == "cpu" and threads == 1 else time.perf_counter

    def one_pass() -> float:
        began = clock()
        model.module(batch, choices, {})
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (clock() - began) * 1000

    for _ in range(WARM):
        one_pass()
    began, times = clock(), list[float]()
    while len(times) < LEAST or (len(times) < MOST and clock() - began < LONGEST_S):
        times.append(one_pass())
    low, _, high = quantiles(times, n=4, method="inclusive")
    return {
        "rows": min(ROWS, rows.numel()), "median": round(median(times), 4), "quartiles": [round(low, 4), round(high, 4)],
        "passes": len(times), "device": device.type, "threads": threads, "clock": clock.__name__,
    }  # fmt: skip

"""Rows in time order, window by window: what a stream goes through, and what is known of values by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.compiled import Compiled, Part
from recspace.compiler.ir import Input, Operator
from recspace.compiler.known import COUNTS
from recspace.compiler.passes.tables import LOOKED_UP

from .data.encoded import Encoded
from .module import Model, region

SECONDS: Mapping[str, float] = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a step, the window that they belong to, and whether they are visited for the first time."""

    rows: Tensor
    window: int
    first: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """`windows`: their rows in time order; `batches`: the steps."""

    windows: tuple[Tensor, ...]
    batches: tuple[Batch, ...]

    @property
    def rows(self) -> Tensor:
        """All rows, in time order."""
        return torch.cat(self.windows)

    def opens(self, at: int) -> bool:
        return at == 0 or self.batches[at].window != self.batches[at - 1].window

    def closes(self, at: int) -> bool:
        return at + 1 == len(self.batches) or self.batches[at].window != self.batches[at + 1].window


def flow_of(rows: Tensor, time: NDArray[np.float64], window: int | str | None, batch_size: int, epochs: int) -> Flow:
    """Rows [N] in time order, equal times in that of the table. `window`: so many rows, a unit of time, or a batch."""
    at = rows[torch.from_numpy(np.argsort(time[rows.numpy()], kind="stable"))]
    if isinstance(window, str):
        unit = np.floor((time[at.numpy()] - time[at.numpy()][0]) / SECONDS[window])
        ends = np.flatnonzero(np.diff(unit)) + 1
        windows = torch.tensor_split(at, torch.from_numpy(ends))
    else:
        windows = torch.split(at, int(window or batch_size))
    batches = []
    for number, own in enumerate(windows):
        for epoch in range(epochs):
            batches += [Batch(part, number, epoch == 0) for part in torch.split(own, batch_size)]
    return Flow(tuple(windows), tuple(batches))


OWN_ROWS = ("table", "int8", "queries")
"""Weights of embed() and weight() that have a row for each value; those of other tables serve several, and no value joins them."""


class Seen:
    """How often every value was seen so far, by the key of its column: int64 [V + 1], the unknown value first.

    A value that was not seen yet is the unknown one to who predicts; when it joins, its rows of tables start from a rule.
    """

    def __init__(self, encoded: Encoded, compiled: Compiled) -> None:
        self._encoded = encoded
        fields = tables_of(compiled)
        self.tables = [
            (stored.attribute, part, fields[part.layer, part.key])
            for stored in compiled.tensors
            if stored.embedding and stored.trainable
            for part in stored.slices
            if part.name in OWN_ROWS and (part.layer, part.key) in fields
        ]
        rows = {c.key: self._largest(c.key) + 1 for c in compiled.columns if c.what == "id"}
        for _, part, field in self.tables:
            rows[field] = max(rows[field], part.box[0][1] - part.box[0][0])
        self.counts = {key: torch.zeros(count, dtype=torch.long) for key, count in rows.items()}

    def _largest(self, key: str) -> int:
        single = self._encoded.single(key)
        if single is not None:
            return int(single.max()) if single.numel() else 0
        whole = next((e.lists[key] for e in (self._encoded, *self._encoded.beside) if key in e.lists), None)
        return int(whole.ids.max()) if whole is not None and whole.ids.numel() else 0

    def add(self, batch: Mapping[str, Tensor]) -> None:
        for key, counts in self.counts.items():
            ids = batch[key].flatten().cpu()
            counts += torch.bincount(ids[ids > 0], minlength=len(counts))

    def masked(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch with values that were not seen yet as unknown ones."""
        found = dict(batch)
        for key, counts in self.counts.items():
            ids = batch[key]
            new = (counts.to(ids.device)[ids.clamp(min=0)] == 0) & (ids > 0)
            found[key] = ids.masked_fill(new, 0)
        return found

    @torch.no_grad()
    def join(self, model: Model, batch: Mapping[str, Tensor]) -> None:
        """Values of a batch that were not seen yet start, like the unknown one, from the mean of those that were."""
        for attribute, part, field in self.tables:
            view = region(model.tensors[attribute], part)
            known = self.counts[field][: len(view)] > 0
            if not bool(known.any()):
                continue
            mean = view[known.to(view.device)].mean(0)
            ids = torch.unique(batch[field].cpu())
            new = ids[(ids >= 0) & (ids < len(view))]
            new = new[~known[new]]
            view[new.to(view.device)] = mean
            view[0] = mean

    @torch.no_grad()
    def tell(self, model: Model) -> None:
        """Bring the popularity that a model reads up to date."""
        for stored in model.compiled.tensors:
            for part in stored.slices:
                if part.layer == COUNTS:
                    counts = self.counts[str(part.key[0])]
                    view = region(model.tensors[stored.attribute], part)
                    view.zero_()
                    view[: len(counts)] = counts[: len(view)].to(view)


def tables_of(compiled: Compiled) -> dict[tuple[str, Part], str]:
    """The column of ids that each table is looked up by, by its layer and element."""
    found: dict[tuple[str, Part], str] = {}
    for _, node in compiled.graph.items():  # noqa: PERF102 – a graph
        if isinstance(node, Operator) and node.operator in LOOKED_UP and node.keys:
            (read,) = node.operands
            source = compiled.graph[read.node]
            for key, row in zip(node.keys, read.rows.array.tolist(), strict=True):
                if isinstance(source, Input) and source.columns[row].what == "id":
                    found[node.layer, key] = source.columns[row].key
    return found

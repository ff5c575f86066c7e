"""The rows of a run by what they are for. What stops training has no part in anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recspace.compiler.schema import Column

from .catalogue import Catalogue
from .columns import Columns
from .data.encoded import Encoded
from .refuse import refusal, words

Task = Literal["binary", "number", "classes", "ranking"]

NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Examples:
    """Row numbers (int64, rising, on the CPU) into `encoded`.

    train     weights are learned from these
    stopping  carved out of the training part: early stopping of whatever is trained
    valid     architectures are learned and judged on these
    test      looked at for the report alone

    `groups`: key of the column of ids by which the grouped AUC goes, "" for none. `columns`: where columns come from that
    `encoded` does not have. For ranking: what there is to recommend, how many items a list has, and the seed by which
    questions are drawn; rows are positives, all of them.
    """

    encoded: Encoded
    task: Task
    train: Tensor
    stopping: Tensor
    valid: Tensor
    test: Tensor
    groups: str = ""
    columns: Columns | None = None
    catalogue: Catalogue | None = None
    top: int = 20
    seed: int = 0

    def of(self, columns: Sequence[Column]) -> Examples:
        """The same rows with the columns that a model reads."""
        if self.columns is None or all(c.key in self.encoded.keys for c in columns):
            return self
        return replace(self, encoded=self.columns.of(columns))

    def before(self, rows: Tensor) -> Tensor:
        """The rows that were known before those of one part were asked about."""
        part = int(self.encoded.part[int(rows[0])]) if rows.numel() else 0
        return torch.cat([(self.train,), (self.train, self.stopping), (self.train, self.stopping, self.valid)][part])

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        return self.encoded.batch(rows.to(self.encoded.device))


def divided(
    encoded: Encoded, task: Task, stopping: float, seed: int, groups: str = "", columns: Columns | None = None
) -> Examples:
    """The rows with the stopping share (0: none) carved out; for ranking the positives among them.

    Raises SpaceError (S0708) where there is nothing to train on.
    """
    train, stop = encoded.rows("train"), NONE
    if stopping and train.size > 1:
        train, stop = encoded.carve(stopping, seed)
    parts = [torch.from_numpy(part) for part in (train, stop, encoded.rows("valid"), encoded.rows("test"))]
    if task == "ranking" and ":label" in encoded.dense:
        positive = encoded.dense[":label"].cpu() > 0
        parts = [part[positive[part]] for part in parts]
    if parts[0].numel() < 2:
        text = "there are too few training rows" + (" that are positives" if task == "ranking" else "")
        raise refusal("S0708", text, words("data", ""), help="at least two are needed")
    return Examples(encoded, task, parts[0], parts[1], parts[2], parts[3], groups, columns)

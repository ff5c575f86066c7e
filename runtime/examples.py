"""The rows of a run by what they are for. What stops training has no part in anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from recspace.compiler.schema import Column

from .columns import Columns
from .data.encoded import Encoded
from .refuse import refusal, words

Task = Literal["binary", "number", "classes"]


@dataclass(frozen=True, slots=True)
class Examples:
    """Row numbers (int64, rising, on the CPU) into `encoded`.

    train     weights are learned from these
    stopping  carved out of the training part: early stopping of whatever is trained
    valid     architectures are learned and judged on these
    test      looked at for the report alone

    `groups`: key of the column of ids by which the grouped AUC goes, "" for none. `columns`: where columns come from that
    `encoded` does not have.
    """

    encoded: Encoded
    task: Task
    train: Tensor
    stopping: Tensor
    valid: Tensor
    test: Tensor
    groups: str = ""
    columns: Columns | None = None

    def of(self, columns: Sequence[Column]) -> Examples:
        """The same rows with the columns that a model reads."""
        if self.columns is None or all(c.key in self.encoded.keys for c in columns):
            return self
        return replace(self, encoded=self.columns.of(columns))

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        return self.encoded.batch(rows.to(self.encoded.device))


def divided(
    encoded: Encoded, task: Task, stopping: float, seed: int, groups: str = "", columns: Columns | None = None
) -> Examples:
    """The rows with the stopping share carved out. Raises SpaceError (S0708) where there is nothing to train on."""
    place = words("data", "")
    if encoded.rows("train").size < 2:
        raise refusal("S0708", "there are too few training rows", place, help="at least two are needed")
    train, stop = encoded.carve(stopping, seed)
    parts = [torch.from_numpy(part) for part in (train, stop, encoded.rows("valid"), encoded.rows("test"))]
    return Examples(encoded, task, parts[0], parts[1], parts[2], parts[3], groups, columns)

"""What the compiler knows of the data: fields, label, statistics – never the rows themselves.

Ids: every field with a vocabulary uses 0 for the unknown value and 1..cardinality for the known ones, in falling order
of their training count (ties: by value), so that a minimum count or a frequency block is a range of ids. A missing cell
is a value of its own where training has one, else unknown. In `many` and `sequence` columns −1 pads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["category", "number", "many", "sequence", "vector"]
LabelKind = Literal["binary", "number", "classes", "none"]


@dataclass(frozen=True, slots=True)
class Field:
    """One feature of an example.

    `cardinality`: known values (buckets of a binned number; 1 for a raw number). `bins`: 0 for a raw number.
    `width`: length of a `vector` column. `of`: the field whose vocabulary a sequence uses. `longest`: most elements
    of a `many` or `sequence` cell. `role`: user, item, context, history, or "".
    """

    name: str
    kind: Kind
    cardinality: int = 1
    role: str = ""
    bins: int = 0
    width: int = 0
    pool: Literal["mean", "sum"] = "mean"
    of: str = ""
    longest: int = 0
    shared_table: bool = False

    @property
    def has_ids(self) -> bool:
        """Whether an example holds ids for this field (a raw number or a vector does not)."""
        return self.kind in ("category", "many", "sequence") or self.bins > 0

    @property
    def several(self) -> bool:
        return self.kind in ("many", "sequence")


@dataclass(frozen=True, slots=True)
class Label:
    """`binary`: 0 or 1; `number`: a real target; `classes`: 0..classes−1; `none`: every row is a positive (Top-K).

    `column`: where it comes from; `upper`: for messages, a number that cuts the labels in two.
    """

    kind: LabelKind
    classes: int = 2
    column: str = field(default="", compare=False)
    upper: float = field(default=0.0, compare=False)


class Statistics(Protocol):
    """Figures of the training rows. The example binding has an answer to each as well."""

    def counts(self, field: str) -> NDArray[np.int64]:
        """Training count of each known value of a field: shape [cardinality], entry v − 1 belongs to id v."""
        ...

    def bucket_cardinality(self, field: str, bins: int) -> int:
        """Number of buckets that `bucket(field, bins)` really has (equal quantiles fall together)."""
        ...

    def cross_cardinality(self, fields: tuple[str, ...], min_count: int, bins: tuple[int, ...]) -> int:
        """Combinations seen at least `min_count` times in training. `bins[k]` is 0 where field k brings its own ids."""
        ...


@dataclass(frozen=True, slots=True)
class Schema:
    """The data a space is bound to. `example` is true for the documented stand-in that is used without data."""

    name: str
    fields: tuple[Field, ...]
    label: Label
    statistics: Statistics
    rows: int = 0
    example: bool = False

    def field(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    def by_role(self, role: str) -> Field | None:
        return next((f for f in self.fields if f.role == role), None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a compiled model reads from a batch: `batch[column.key]`.

    what     fields   batch tensor
    id       one      int64 [B] ids, or [B, L] padded with −1 for many and sequence
    number   one      float [B], standardised by training rows; missing is 0 after standardising
    vector   one      float [B, width]
    bucket   one      int64 [B] bucket ids of a number cut into `bins[0]` quantiles
    cross    several  int64 [B] ids of the combination, 0 where seen fewer than `min_count` times; `rows` > 0 hashes
    label    none     float [B] (int64 for classes)
    weight   none     float [B]
    """

    what: Literal["id", "number", "vector", "bucket", "cross", "label", "weight"]
    fields: tuple[str, ...] = ()
    bins: tuple[int, ...] = ()
    min_count: int = 1
    rows: int = 0

    @property
    def key(self) -> str:
        match self.what:
            case "id":
                return self.fields[0]
            case "number" | "vector":
                return f"{self.fields[0]}:{self.what}"
            case "bucket":
                return f"{self.fields[0]}/{self.bins[0]}"
            case "cross":
                bins = self.bins or (0,) * len(self.fields)
                parts = "*".join(f"{f}/{b}" if b else f for f, b in zip(self.fields, bins, strict=True))
                return f"{parts}>={self.min_count}" + (f"%{self.rows}" if self.rows else "")
            case "label" | "weight":
                return f":{self.what}"

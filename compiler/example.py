"""The example binding: what `check`, `size` and `graph` use where no data is given. A documented stand-in, not a table.

    user      category, role user, 1,000 values        item      category, role item, 500 values
    weekday   category, role context, 7 values         device    category, role context, 5 values
    age       number in 10 buckets                     price     raw number
    genres    many, 20 values, at most 6               nodes     many, 300 values, at most 20
    history   sequence of item, role history, at most 50

100,000 rows, all of them training rows; the label is 0 or 1. Counts fall as 1 / rank (Zipf) in every vocabulary. Two
fields are independent: of the combinations of their values, those whose expected count reaches the minimum are there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .schema import Field, Label, Schema

ROWS = 100_000
FIELDS = (
    Field("user", "category", 1000, "user"),
    Field("item", "category", 500, "item"),
    Field("weekday", "category", 7, "context"),
    Field("device", "category", 5, "context"),
    Field("age", "number", 10, bins=10),
    Field("price", "number", 1),
    Field("genres", "many", 20, longest=6),
    Field("nodes", "many", 300, longest=20),
    Field("history", "sequence", 500, "history", of="item", longest=50),
)


@dataclass(frozen=True, slots=True)
class ExampleStatistics:
    """`Statistics` by formula."""

    def counts(self, field: str) -> NDArray[np.int64]:
        """Zipf counts [cardinality] that add up to the rows; a raw number has one value."""
        return _zipf(EXAMPLE.field(field).cardinality)

    def bucket_cardinality(self, field: str, bins: int) -> int:
        """Numbers of the example take as many buckets as they are given."""
        return bins

    def cross_cardinality(self, fields: tuple[str, ...], min_count: int, bins: tuple[int, ...]) -> int:
        """Combinations of independent values whose expected count is at least `min_count`, at most one for each row."""
        sizes = [b or EXAMPLE.field(f).cardinality for f, b in zip(fields, bins or (0,) * len(fields), strict=True)]
        share = np.ones(1)
        for size in sorted(sizes):
            share = np.outer(share, _zipf(size) / ROWS).ravel()
            share = share[share * ROWS >= min_count]
        return max(1, min(share.size, ROWS // max(1, min_count)))


def _zipf(size: int) -> NDArray[np.int64]:
    """Falling counts, at least 1 each, that add up to the rows; the first value takes what rounding leaves."""
    weight = 1.0 / np.arange(1, size + 1)
    counts = np.maximum(1, np.floor(ROWS * weight / math.fsum(weight))).astype(np.int64)
    counts[0] += ROWS - counts.sum()
    return counts


EXAMPLE = Schema("example", FIELDS, Label("binary"), ExampleStatistics(), rows=ROWS, example=True)

"""What training counts say of values: frequency blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .schema import Schema


def blocks_of(schema: Schema, name: str, blocks: int, over: str) -> NDArray[np.int64]:
    """The block of every id of a field: [cardinality + 1], 1 (most frequent) … S, equally many values in each.

    Counted within the field, or `over = all` fields that have ids; a tie goes to the earlier field, then to the lower
    id. The unknown value, id 0, is among the rarest.
    """
    if not schema.field(name).has_ids:
        return np.ones(1, dtype=np.int64)
    names = [f.name for f in schema.fields if f.has_ids] if over == "all" else [name]
    counts = [np.asarray(schema.statistics.counts(n)) for n in names]
    order = np.argsort(-np.concatenate(counts), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    start = sum(len(c) for c in counts[: names.index(name)])
    own = place[start : start + len(counts[names.index(name)])]
    return np.concatenate([[blocks], own * blocks // max(len(order), 1) + 1])

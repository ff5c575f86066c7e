"""Tables that hold less than a row for every value, written out value by value.

Every table is spelled out as the vectors [V + 1, n] of the ids 0 to V; the unknown value (0) has row 0 of every part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operators import Layer
from .values import Ids, Sequence

USUAL = {"hash_rows": 0.1}
"""Options that say how large a table is, with what they are where nothing is said."""


def looked_up(
    layer: Layer, source: Ids, values: int, n: int, candidate: str, kind: str, sizes: dict[str, float]
) -> Any:
    """The vectors of ids; of lists of ids a Sequence."""

    def weight(name: str, *shape: int) -> np.ndarray:
        return layer.weight(name, shape, candidate)

    vectors = [VECTORS[kind](weight, v, values, n, sizes) for v in range(values + 1)]
    found = np.stack(vectors)[np.maximum(source.ids, 0)]
    return found if source.ids.ndim == 1 else Sequence(found, source.ids >= 0, source.pool)


def hashed(weight: Any, v: int, values: int, n: int, sizes: dict[str, float]) -> np.ndarray:
    rows = 1
    while rows < sizes["hash_rows"] * values - 1e-9:
        rows += 1
    table = weight("hashed", rows + 1, n)
    return table[0] if v == 0 else table[(v - 1) % rows + 1]


VECTORS = {"hashed": hashed}

"""Tables that hold less than a row for every value, written out value by value.

Every table is spelled out as the vectors [V + 1, n] of the ids 0 to V; the unknown value (0) has row 0 of every part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operators import Layer
from .values import Ids, Sequence

USUAL = {"hash_rows": 0.1, "rank": 4, "codebooks": 4, "codewords": 32}
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


def quotient(weight: Any, v: int, values: int, n: int, sizes: dict[str, float]) -> np.ndarray:
    m = 1
    while m * m < values:
        m += 1
    q = max(1, int(np.ceil(values / m)))
    first, second = weight("quotient", q + 1, n), weight("remainder", m + 1, n)
    return first[0] * second[0] if v == 0 else first[(v - 1) // m + 1] * second[(v - 1) % m + 1]


def tensor_train(weight: Any, v: int, values: int, n: int, sizes: dict[str, float]) -> np.ndarray:
    r, b = int(sizes["rank"]), 1
    while b**3 < values:
        b += 1
    a = max(1, int(np.ceil(values / b**2)))
    n1, n2, n3 = WIDTHS[n]
    cores = [
        weight(f"core_{k}", *shape)
        for k, shape in ((1, (a + 1, n1 * r)), (2, (b + 1, r * n2 * r)), (3, (b + 1, r * n3)))
    ]
    digits = [0, 0, 0] if v == 0 else [(v - 1) // b**2 + 1, (v - 1) // b % b + 1, (v - 1) % b + 1]
    one, two, three = (core[d] for core, d in zip(cores, digits, strict=True))
    vector = np.zeros((n1, n2, n3))
    for i, j, k in np.ndindex(n1, n2, n3):
        for p in range(r):
            for q in range(r):
                vector[i, j, k] += one[i * r + p] * two[(p * n2 + j) * r + q] * three[q * n3 + k]
    return vector.reshape(n)


WIDTHS = {2: (1, 1, 2), 4: (2, 1, 2), 6: (2, 1, 3), 8: (2, 2, 2), 12: (2, 2, 3), 16: (2, 2, 4)}
"""The three factors of a width whose sum is the least, the least in the middle."""


def codes(weight: Any, v: int, values: int, n: int, sizes: dict[str, float]) -> np.ndarray:
    k, m = int(sizes["codewords"]), int(sizes["codebooks"])
    while n % m:
        m -= 1
    queries, keys, words = weight("queries", values + 1, n), weight("keys", k, n), weight("codewords", k, n)
    found = []
    for book in range(m):
        own = range(book * n // m, (book + 1) * n // m)
        fits = [sum(queries[v, i] * keys[word, i] for i in own) for word in range(k)]
        found += [words[int(np.argmax(fits)), i] for i in own]
    return np.array(found)


def int8(weight: Any, v: int, values: int, n: int, sizes: dict[str, float]) -> np.ndarray:
    row = weight("int8", values + 1, n)[v]
    scale = max(abs(x) for x in row) / 127 or 1.0
    return np.array([round(x / scale) * scale for x in row])


VECTORS = {"hashed": hashed, "quotient": quotient, "tensor_train": tensor_train, "codes": codes, "int8": int8}

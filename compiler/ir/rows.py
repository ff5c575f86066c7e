"""Rows: which of a node's are read, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..decisions import Key

IntArray = NDArray[np.int64]


class Rows:
    """Row numbers, immutable and comparable. `Rows.all(n)` is 0..n−1."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: Iterable[int] | IntArray) -> None:
        self.array: IntArray = np.ascontiguousarray(
            np.asarray(array if isinstance(array, np.ndarray) else list(array), dtype=np.int64)
        )
        self.array.setflags(write=False)
        self._hash = hash(self.array.tobytes())

    @staticmethod
    def all(n: int) -> Rows:
        return Rows(np.arange(n, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return self._hash

    def take(self, rows: Rows) -> Rows:
        """Compose: row k of the result is this[rows[k]]."""
        return Rows(self.array[rows.array])

    def is_all(self, n: int) -> bool:
        return len(self.array) == n and bool((self.array == np.arange(n)).all())

    def __repr__(self) -> str:
        a = self.array
        return f"Rows({a.tolist()})" if len(a) <= 8 else f"Rows([{a[0]}, {a[1]}, … {a[-1]}] × {len(a)})"


@dataclass(frozen=True, slots=True)
class Ref:
    """Rows of a node, as an operand reads them: one for each row of the consumer (several in blocks of a `Reduce`)."""

    node: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Run:
    """A binder over the elements that a field has in an example: its names, and `<` or `<=` where they are ordered."""

    names: tuple[str, ...]
    field: str
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """What the rows of a node stand for.

    `axes`: the binders as text. `keys`: the label of every row. `values`: for a family over `values(f)`, the field of
    each row (the axis over its values is not spelled out in rows); `runs`: the binders over run-time elements
    (`elements(f)`) around it, the innermost first. What a node's tensor runs along is found out in `runs.py`.
    """

    axes: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ((),)
    values: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def symbolic(self) -> bool:
        """Whether a row stands for all values of a field, or for all elements that an example has."""
        return bool(self.values or self.runs)

    def take(self, rows: Rows) -> Index:
        keys = tuple(self.keys[r] for r in rows.array)
        values = tuple(self.values[r] for r in rows.array) if self.values else ()
        return replace(self, keys=keys, values=values)

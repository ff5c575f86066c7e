"""Crosses of a field of the item with others: their ids have to be found anew for every new pair of row and item."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recspace.compiler.schema import Column

from .cells import Ids
from .encoding import Encoding, Rows, bins_of
from .vocabulary import Cross, hashed

Lookup = Callable[[Sequence[Ids]], Ids]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A cross with parts of both kinds. `parts`: for every field the ids [N] of all rows, and whether it is the item's.

    `ids`: from one array of ids a part to the ids of their combinations.
    """

    key: str
    parts: tuple[tuple[Ids, bool], ...]
    ids: Lookup


def crossings(encoding: Encoding, rows: Rows, columns: Iterable[Column], items: frozenset[str]) -> tuple[Crossing, ...]:
    """Those of the columns that cross a field of the item with one that is not. They have been prepared (`Bound`)."""
    found = []
    for column in columns:
        if column.what == "cross" and 0 < len(items & set(column.fields)) < len(set(column.fields)):
            fields = zip(column.fields, bins_of(column), strict=True)
            parts = tuple((encoding.single_ids(rows, f, b), f in items) for f, b in fields)
            found.append(Crossing(column.key, parts, _lookup(encoding, column)))
    return tuple(found)


def _lookup(encoding: Encoding, column: Column) -> Lookup:
    if not column.rows:
        return _exact(encoding.crosses[column.fields, bins_of(column)], column.min_count)
    if column.min_count <= 1:
        return lambda parts: hashed(parts, column.rows)
    known = _exact(encoding.crosses[column.fields, bins_of(column)], column.min_count)
    return lambda parts: np.where(known(parts) > 0, hashed(parts, column.rows), 0).astype(np.int32)


def _exact(cross: Cross, min_count: int) -> Lookup:
    """A sorted search where a combination fits into one number, else the table's own look-up."""
    size = cross.size(min_count)
    radix = [int(c) + 2 for c in cross.parts[:size].max(0, initial=0)]
    if math.prod(radix) >= 2**63:
        return lambda parts: cross.ids(parts, min_count)
    key = _mixed(list(cross.parts[:size].T), radix)
    order = np.argsort(key, kind="stable")
    key = key[order]

    def ids(parts: Sequence[Ids]) -> Ids:
        # Ids beyond those of any combination share one that none has.
        wanted = _mixed([np.minimum(p, r - 1) for p, r in zip(parts, radix, strict=True)], radix)
        at = np.searchsorted(key, wanted).clip(max=max(size - 1, 0))
        there = key[at] == wanted if size else np.zeros(wanted.shape, bool)
        return np.where(there, (order[at] + 1) if size else 0, 0).astype(np.int32)

    return ids


def _mixed(parts: Sequence[Ids], radix: Sequence[int]) -> NDArray[np.int64]:
    """One number for every combination."""
    found = np.zeros(parts[0].shape, np.int64)
    for part, base in zip(parts, radix, strict=True):
        found = found * base + part
    return found

"""Vocabularies: the values of training rows, in falling order of their count (ties by value); 0 is the unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .cells import Ids

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`values[v - 1]` has the id v (a null among them is the missing cell), `counts[v - 1]` is its training count."""

    values: pl.Series
    counts: Counts

    def __len__(self) -> int:
        return self.values.len()

    def ids(self, cells: pl.Series) -> Ids:
        """The id of each cell [N]; 0 for what training rows do not have, also where the type of the table changed."""
        alike, foreign = _as_type(cells, self.values.dtype)
        index = pl.DataFrame({"value": self.values, "id": np.arange(1, len(self) + 1, dtype=np.int32)})
        joined = pl.DataFrame({"value": alike}).join(
            index, on="value", how="left", nulls_equal=True, maintain_order="left"
        )
        ids = joined["id"].fill_null(0).to_numpy().astype(np.int32, copy=True)
        if foreign is not None:
            ids[foreign.to_numpy()] = 0
        return ids


def fit_vocabulary(cells: pl.Series, min_count: int) -> Vocabulary:
    """The vocabulary of training cells."""
    counted = pl.DataFrame({"value": cells}).group_by("value").len("count").filter(pl.col("count") >= min_count)
    counted = counted.sort("count", "value", descending=[True, False], nulls_last=True)
    return Vocabulary(counted["value"], counted["count"].to_numpy().astype(np.int64))


def _as_type(cells: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, pl.Series | None]:
    """Cells in the type of the vocabulary, and which of them it cannot hold (they are unknown, not missing)."""
    if cells.dtype == dtype:
        return cells, None
    if cells.dtype == pl.Boolean and dtype == pl.String:
        return cells.cast(pl.String), None
    if cells.dtype == pl.String and dtype == pl.Boolean:
        lower = cells.str.to_lowercase()
        return lower == "true", cells.is_not_null() & ~lower.is_in(["true", "false"]).fill_null(True)
    alike = cells.cast(dtype, strict=False)
    foreign = alike.is_null() & cells.is_not_null()
    if cells.dtype.is_float() and dtype.is_integer():
        foreign = foreign | (cells != alike.cast(pl.Float64)).fill_null(False)
    return alike, foreign


@dataclass(frozen=True, slots=True)
class Cross:
    """Combinations of ids seen at least `min_count` times in training: column k of `parts` [C, K] holds the ids of
    field k, `counts` [C] falls."""

    parts: NDArray[np.int32]
    counts: Counts
    min_count: int = 1

    @property
    def nbytes(self) -> int:
        return self.parts.nbytes + self.counts.nbytes

    def size(self, min_count: int) -> int:
        """Combinations with at least that count: a prefix, since counts fall."""
        return int(np.searchsorted(-self.counts, -min_count, side="right"))

    def ids(self, columns: Sequence[Ids], min_count: int) -> Ids:
        """The id of the combination in each row [N], 0 where training has it fewer than `min_count` times."""
        size = self.size(min_count)
        names = [f"c{k}" for k in range(len(columns))]
        index = pl.DataFrame({n: self.parts[:size, k] for k, n in enumerate(names)} | {"id": _ids_to(size)})
        cells = pl.DataFrame(dict(zip(names, columns, strict=True)))
        joined = cells.join(index, on=names, how="left", maintain_order="left")
        return joined["id"].fill_null(0).to_numpy().astype(np.int32, copy=False)


def _ids_to(size: int) -> Ids:
    return np.arange(1, size + 1, dtype=np.int32)


def fit_cross(columns: Sequence[Ids], min_count: int) -> Cross:
    """The combinations in training columns of ids, each [N]; ties in count by the ids."""
    names = [f"c{k}" for k in range(len(columns))]
    counted = pl.DataFrame(dict(zip(names, columns, strict=True))).group_by(names).len("count")
    counted = counted.filter(pl.col("count") >= min_count)
    counted = counted.sort("count", *names, descending=[True, *(False for _ in names)])
    parts = counted.select(names).to_numpy().astype(np.int32, copy=False)
    return Cross(parts.reshape(-1, len(names)), counted["count"].to_numpy().astype(np.int64), min_count)


def cross_counts(columns: Sequence[Ids]) -> Counts:
    """Training counts of all combinations, falling."""
    names = [f"c{k}" for k in range(len(columns))]
    counted = pl.DataFrame(dict(zip(names, columns, strict=True))).group_by(names).len("count")["count"]
    return counted.sort(descending=True).to_numpy().astype(np.int64)


def hashed(columns: Sequence[Ids], rows: int) -> Ids:
    """A row 1..rows for each combination [N]: ids mixed by the finaliser of splitmix64 (Steele et al. 2014)."""
    state = np.zeros(columns[0].shape, np.uint64)
    with np.errstate(over="ignore"):
        for ids in columns:
            state = (state + ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return (state % np.uint64(rows)).astype(np.int32) + 1

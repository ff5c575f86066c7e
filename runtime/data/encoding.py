"""A fitted encoding: how cells of each field become ids and numbers. Holds no rows, so a finished model can keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.compiler.schema import Column, Field

from . import cells, spec
from .cells import Floats, Ids, Ragged
from .faults import fault, meant
from .numbers import Buckets, Scale
from .spec import DataSpec, Feature
from .target import Labelling
from .vocabulary import Cross, Vocabulary, hashed

CrossKey = tuple[tuple[str, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Lists:
    """`many` keeps the first `longest` elements of a cell, a sequence (`latest`) the last ones."""

    vocabulary: Vocabulary
    longest: int
    latest: bool = False


@dataclass(frozen=True, slots=True)
class Vectors:
    width: int


Encoder = Vocabulary | Buckets | Scale | Lists | Vectors


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows: ids [N] int32, lists, numbers [N] as they were read (NaN missing), vectors [N, width]."""

    count: int
    ids: dict[str, Ids]
    lists: dict[str, Ragged]
    numbers: dict[str, Floats]
    vectors: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """`encoders` by field name, `scales` for every number.

    `buckets` and `crosses` are those that the columns of a model ask for.
    """

    spec: DataSpec
    fields: tuple[Field, ...]
    encoders: Mapping[str, Encoder]
    labelling: Labelling | None
    scales: Mapping[str, Scale]
    buckets: dict[tuple[str, int], Buckets] = field(default_factory=dict)
    crosses: dict[CrossKey, Cross] = field(default_factory=dict)

    def rows(self, table: pl.DataFrame) -> Rows:
        """Encodes the features of a table. Raises SpaceError S0507, S0521, S0522, S0528."""
        rows = Rows(table.height, {}, {}, {}, {})
        for feature in self.spec.features:
            encode_feature(feature, self.encoders[feature.name], column_of(table, feature), rows)
        return rows

    def kind(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    def single_ids(self, rows: Rows, name: str, bins: int) -> Ids:
        """Ids [N] of a field for a cross: its own, or those of its buckets."""
        if bins:
            return self.bucket(name, bins).ids(rows.numbers[name])
        if name not in rows.ids:
            raise fault("S0532", f"`{name}` has no single id a row, so it cannot be crossed", help="cross its buckets")
        return rows.ids[name]

    def cross_ids(self, rows: Rows, column: Column) -> Ids:
        """Ids [N] of a cross column."""
        bins = bins_of(column)
        parts = [self.single_ids(rows, f, b) for f, b in zip(column.fields, bins, strict=True)]
        if not column.rows:
            return self._cross(column).ids(parts, column.min_count)
        rows_N = hashed(parts, column.rows)
        if column.min_count > 1:
            rows_N[self._cross(column).ids(parts, column.min_count) == 0] = 0
        return rows_N

    def bucket(self, name: str, bins: int) -> Buckets:
        """The fitted buckets of a number. Raises SpaceError S0571 if this encoding was saved without them."""
        if (name, bins) not in self.buckets:
            raise fault("S0571", f"the encoding was made without {bins} buckets of `{name}`")
        return self.buckets[name, bins]

    def _cross(self, column: Column) -> Cross:
        key = column.fields, bins_of(column)
        if key not in self.crosses or self.crosses[key].min_count > column.min_count:
            raise fault("S0571", f"the encoding was made without the cross of {', '.join(column.fields)}")
        return self.crosses[key]


def bins_of(column: Column) -> tuple[int, ...]:
    return column.bins or (0,) * len(column.fields)


def column_of(table: pl.DataFrame, feature: Feature) -> pl.Series:
    """The column of a feature. Raises SpaceError S0507 with the nearest name."""
    if feature.column not in table.columns:
        raise fault(
            "S0507",
            f"the table has no column `{feature.column}`",
            feature.span,
            help=meant(feature.column, table.columns),
        )
    return table[feature.column]


def encode_feature(feature: Feature, encoder: Encoder, column: pl.Series, rows: Rows) -> None:
    """Puts the encoded column into `rows`, which is being filled."""
    name, span = feature.name, feature.span
    match encoder:
        case Vocabulary():
            rows.ids[name] = encoder.ids(cells.values(column, span))
        case Buckets():
            rows.numbers[name] = cells.numbers(column, span)
            rows.ids[name] = encoder.ids(rows.numbers[name])
        case Scale():
            rows.numbers[name] = cells.numbers(column, span)
        case Lists():
            rows.lists[name] = _ragged(feature, encoder, column)
        case Vectors():
            rows.vectors[name] = cells.vectors(column, encoder.width, span)
        case _:
            assert_never(encoder)


def listed(feature: Feature, column: pl.Series) -> pl.Series:
    """Cells of a `many` or `sequence` field as lists; a missing cell is a list of one missing value, or no history."""
    meaning = feature.meaning
    separator = meaning.separator if isinstance(meaning, (spec.Many, spec.Sequence)) else ""
    cut = cells.lists(column, separator, feature.span)
    if isinstance(meaning, spec.Sequence) or not cut.null_count():
        return cut
    return cut.zip_with(cut.is_not_null(), pl.Series(cut.name, [[None]], dtype=cut.dtype))


def _ragged(feature: Feature, encoder: Lists, column: pl.Series) -> Ragged:
    cut = listed(feature, column)
    flat, length = cells.flatten(cut.list.tail(encoder.longest) if encoder.latest else cut.list.head(encoder.longest))
    ids = encoder.vocabulary.ids(cells.values(flat, feature.span))
    return Ragged(ids, np.concatenate(([0], np.cumsum(length))).astype(np.int64))

"""Cells of a column, brought to the few types that encoders work on. Missing is null (ids) or NaN (numbers)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.dsl.source import Span

from .faults import fault, shown, where

Floats = NDArray[np.float64]
Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of ids: those of row r are `ids[offsets[r] : offsets[r + 1]]`."""

    ids: Ids
    offsets: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Ids:
        """All ids of the rows, one after the other."""
        lengths = np.diff(self.offsets)[rows]
        starts = np.repeat(self.offsets[rows] - (np.cumsum(lengths) - lengths), lengths)
        picked: Ids = self.ids[starts + np.arange(lengths.sum())]
        return picked


def values(column: pl.Series, span: Span) -> pl.Series:
    """Cells as values to be told apart: Int64, UInt64, Float64, Boolean or String; NaN is missing.

    Dates become text. Raises SpaceError S0528 for a type that is no value.
    """
    kind = column.dtype
    if kind == pl.String or kind == pl.Boolean or kind == pl.UInt64:
        return column
    if kind.is_integer():
        return column.cast(pl.Int64)
    if kind.is_float() or kind.is_decimal():
        return column.cast(pl.Float64).fill_nan(None)
    if isinstance(kind, (pl.Categorical, pl.Enum)) or kind.is_temporal() or kind == pl.Null:
        return column.cast(pl.String)
    raise fault(
        "S0528",
        f"column `{column.name}` holds {kind}, which is not one value a row",
        span,
        help="a column of lists is declared as many() or sequence(), one of numbers as vector(n)",
    )


def numbers(column: pl.Series, span: Span) -> Floats:
    """Cells as float64 [N], NaN where missing; dates are seconds since 1970.

    Raises SpaceError S0521 with the rows of cells that are no finite numbers.
    """
    kind = column.dtype
    if kind.is_temporal():
        column = column.cast(pl.Datetime("us"), strict=True).dt.epoch("us") / 1e6
    elif isinstance(kind, (pl.Categorical, pl.Enum)):
        column = column.cast(pl.String)
    elif isinstance(kind, (pl.List, pl.Array, pl.Struct)) or kind == pl.Binary:
        raise fault("S0528", f"column `{column.name}` holds {kind}, not numbers", span)
    number = column.cast(pl.Float64, strict=False)
    bad = (number.is_null() & column.is_not_null()) | number.is_infinite().fill_null(False)
    if bad.any():
        first = column.filter(bad)[0]
        raise fault(
            "S0521",
            f"column `{column.name}` has cells that are no numbers: {shown(first)} in {where(bad)}",
            span,
            help="correct the cells, leave them empty, or declare the column as category()",
        )
    return number.fill_null(float("nan")).to_numpy().astype(np.float64, copy=False)


def lists(column: pl.Series, separator: str, span: Span) -> pl.Series:
    """Cells as lists: a list column, or text cut at `separator`. Raises SpaceError S0522 where neither."""
    if column.dtype == pl.String and separator:
        empty = (column == "").fill_null(False)
        cut = column.str.split(separator)
        return cut.zip_with(~empty, pl.Series([[]], dtype=pl.List(pl.String))) if empty.any() else cut
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    if not isinstance(column.dtype, pl.List):
        raise fault(
            "S0522",
            f"column `{column.name}` holds {column.dtype}, not lists",
            span,
            help='declare it as category(), or cut text into values with separator = "|"',
        )
    return column


def flatten(column: pl.Series) -> tuple[pl.Series, NDArray[np.int64]]:
    """All elements of a list column one after the other, and the length of each list; a missing list has none."""
    length = column.list.len().fill_null(0)
    flat = column.filter(length > 0).explode()
    return flat, length.to_numpy().astype(np.int64)


def vectors(column: pl.Series, width: int, span: Span) -> NDArray[np.float32]:
    """Cells as float32 [N, width], a missing vector is 0. Raises SpaceError S0522 with the rows of another length."""
    cells = lists(column, "", span)
    length = cells.list.len()
    bad = (length != width).fill_null(False)
    if bad.any():
        found = length.filter(bad)[0]
        raise fault(
            "S0522",
            f"column `{column.name}`: {found} numbers instead of {width} in {where(bad)}",
            span,
            help=f"declare it as vector({found})" if bool(bad.all()) else "",
        )
    result = np.zeros((column.len(), width), np.float32)
    present = cells.is_not_null()
    flat = numbers(cells.filter(present).explode().alias(column.name), span)
    if np.isnan(flat).any():
        holes = pl.Series(np.isnan(flat).reshape(-1, width).any(1))
        at = present.arg_true().filter(holes) + 1
        raise fault("S0521", f"column `{column.name}` has a vector with a missing number in row {at[0]:,}", span)
    result[present.to_numpy()] = flat.reshape(-1, width)
    return result

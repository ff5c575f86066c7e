"""A digest of a table and its meaning that depends on neither file format nor library version."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .spec import DataSpec


def fingerprint(table: pl.DataFrame, spec: DataSpec, part: NDArray[np.uint8]) -> str:
    """SHA-256 (hex) over column names, cells, the meaning and the part of each row; not over where the table lies."""
    digest = hashlib.sha256(repr(replace(spec, source="", name="", doc="")).encode())
    for name in table.columns:
        digest.update(b"\0column " + name.encode())
        _add(digest, table[name])
    digest.update(part.tobytes())
    return digest.hexdigest()


def _add(digest: Any, column: pl.Series) -> None:
    """Missing cells first, then the cells: text as lengths and bytes, lists as lengths and elements."""
    digest.update(b"\0" + np.packbits(column.is_null().to_numpy()).tobytes())
    kind = column.dtype
    if isinstance(kind, (pl.Categorical, pl.Enum)) or kind == pl.Boolean or kind.is_decimal() or kind.is_temporal():
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        digest.update(column.str.len_bytes().fill_null(0).to_numpy().astype("<u4").tobytes())
        digest.update((column.fill_null("").str.join("")[0] or "").encode())
    elif isinstance(column.dtype, (pl.List, pl.Array)):
        listed = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
        digest.update(listed.list.len().fill_null(0).to_numpy().astype("<u4").tobytes())
        _add(digest, listed.filter(listed.list.len().fill_null(0) > 0).explode())
    elif column.dtype.is_numeric():
        whole = column.dtype.is_integer() and column.dtype != pl.UInt64
        kind = pl.Int64() if whole else column.dtype if column.dtype == pl.UInt64 else pl.Float64()
        digest.update(column.cast(kind).fill_null(0).to_numpy().tobytes())
    else:
        digest.update(repr(column.to_list()).encode())

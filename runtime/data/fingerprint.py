"""A digest of a table and its meaning that depends on neither file format nor library version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .spec import DataSpec


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`hash` is of everything: column names, cells, the meaning and the part of each row; not of where the table lies. The others
    say where two tables differ: `columns` of each one's cells, `meaning` of the data block, `split` of the parts (SHA-256, hex)."""

    hash: str
    rows: int
    columns: Mapping[str, str]
    meaning: str
    split: str


def fingerprint(table: pl.DataFrame, spec: DataSpec, part: NDArray[np.uint8]) -> Fingerprint:
    meaning = repr(replace(spec, source="", name="", doc="")).encode()
    whole = hashlib.sha256(meaning)
    columns = {}
    for name in table.columns:
        own = hashlib.sha256()
        _add(own, table[name])
        columns[name] = own.hexdigest()
        whole.update(b"\0column " + name.encode() + own.digest())
    whole.update(part.tobytes())
    of = [hashlib.sha256(content).hexdigest() for content in (meaning, part.tobytes())]
    return Fingerprint(whole.hexdigest(), table.height, columns, *of)


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

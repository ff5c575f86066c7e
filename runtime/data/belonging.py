"""Which columns are properties of another one: the same in all of its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from .encoding import Rows

REPEATED = 2
"""Rows that a value has on average, at least: with fewer, that cells agree says little."""


def belonging(rows: Rows, owner: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the fields that have one value for each known value of `owner`, and more than one in all."""
    ids = pl.Series("owner", rows.ids[owner])
    known = ids > 0
    count = ids.filter(known).n_unique()
    if int(known.sum()) < REPEATED * count:
        return ()
    found = []
    for name in names:
        column = _cells(rows, name)
        if column is None:
            continue
        table = pl.DataFrame({"owner": ids, "cell": column}).filter(known)
        if table["cell"].n_unique() > 1 and table.n_unique() == count:
            found.append(name)
    return tuple(found)


def _cells(rows: Rows, name: str) -> pl.Series | None:
    """One comparable value a row: an id, a number, or the text of a list."""
    if name in rows.ids:
        return pl.Series(rows.ids[name])
    if name in rows.numbers:
        return pl.Series(rows.numbers[name])
    if name in rows.lists:
        ragged = rows.lists[name]
        length = ragged.offsets[1:] - ragged.offsets[:-1]
        row = np.arange(rows.count)
        flat = pl.DataFrame({"row": np.repeat(row, length), "id": pl.Series(ragged.ids).cast(pl.String)})
        texts = flat.group_by("row", maintain_order=True).agg(pl.col("id").str.join(" "))
        return pl.DataFrame({"row": row}).join(texts, on="row", how="left", maintain_order="left")["id"].fill_null("")
    return None

"""Tensors of tables as they are kept when nothing is learned any more: bytes and scales for rows, codes for queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from .compiled import Tensor


def packed_tables(
    tables: Mapping[str, Tensor], books: Mapping[str, int], attribute: Callable[[str], str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tables, and the scales of those of bytes, by the table's name. `books`: how many codes a row of queries has. What
    queries were compared with is gone."""
    stored, scales = dict[str, Tensor](), dict[str, Tensor]()
    for name, table in tables.items():
        match table.slices[0].name:
            case "int8":
                stored[name] = _made_of(table, "bytes", table.shape)
                scales[name] = replace(
                    _made_of(table, "scales", table.shape[:1]), attribute=attribute(f"{table.attribute}_scale")
                )
            case "queries":
                stored[name] = _made_of(table, "codes", (table.shape[0], books[name]))
            case "keys":
                pass
            case _:
                stored[name] = table
    return stored, scales


def _made_of(table: Tensor, packed: Literal["bytes", "scales", "codes"], shape: tuple[int, ...]) -> Tensor:
    slices = tuple(replace(s, box=(s.box[0], *((0, n) for n in shape[1:]))) for s in table.slices)
    return Tensor(table.attribute, shape, (), slices, False, True, packed=packed)

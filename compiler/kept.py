"""Tables of which only a part is left, as they are stored: in the form that takes the fewest bytes.

    rows    whole rows vanish: the others, and for every id its row or −1 (int32)
    bits    the same, with a bit for every number of a row
    cells   the numbers alone: where those of every row start (int32) and the column of each (one byte, or two)

V ids, R rows that are left, n width, P numbers that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .compiled import Slice, Tensor
from .promise import Initial

Form = Literal["rows", "bits", "cells"]
FLOAT = 4
BYTE = 256
"""Columns that one byte tells apart."""

KEPT: Mapping[Form, str] = {
    "rows": '''
def kept_rows(ids: Tensor, table_Rn: Tensor, row_V: Tensor) -> Tensor:
    """Ids of any shape → [*shape, n]: rows of a table of which some are left; zeros where an id has none (−1)."""
    row = row_V[ids.clamp(min=0)]
    return F.embedding(row.clamp(min=0), table_Rn) * (row >= 0).unsqueeze(-1)
'''.strip(),
    "bits": '''
def kept_bits(ids: Tensor, table_Rn: Tensor, row_V: Tensor, bits_Rb: Tensor) -> Tensor:
    """Ids of any shape → [*shape, n]: rows of which some are left, and of these the numbers whose bit is set."""
    row = row_V[ids.clamp(min=0)]
    bits = bits_Rb[row.clamp(min=0)].unsqueeze(-1) >> torch.arange(8, device=ids.device) & 1
    there = bits.flatten(-2)[..., : table_Rn.shape[1]] * (row >= 0).unsqueeze(-1)
    return F.embedding(row.clamp(min=0), table_Rn) * there
'''.strip(),
    "cells": '''
def kept_cells(ids: Tensor, values_P: Tensor, start_V: Tensor, column_P: Tensor, width: int, longest: int) -> Tensor:
    """Ids of any shape → [*shape, width]: the numbers that are left of a row, at their columns; the rest is 0.

    Those of row v are `values[start[v] : start[v + 1]]`; the longest row has `longest`. Where an example after the other
    would take more than the whole table, that is put together for once.
    """
    row, count = ids.clamp(min=0), start_V.shape[0] - 1
    if ids.numel() * longest > count * width:
        row_P = torch.repeat_interleave(torch.arange(count, device=ids.device), start_V.diff())
        table = values_P.new_zeros(count * width).scatter(0, row_P * width + column_P, values_P)
        return F.embedding(row, table.view(count, width))
    at = start_V[row].unsqueeze(-1) + torch.arange(longest, device=ids.device)
    there = at < start_V[row + 1].unsqueeze(-1)
    at = torch.where(there, at, 0)
    values = values_P.index_select(0, at.flatten()).view(at.shape) * there
    return values.new_zeros(*ids.shape, width).scatter_add(-1, column_P[at].long(), values)
'''.strip(),
}
"""The functions that read them, as the text of a module has them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored table: its numbers, and the buffers that say where they belong."""

    form: Form
    values: Tensor
    structure: tuple[Tensor, ...]
    width: int
    longest: int

    def arguments(self) -> str:
        """What a look-up is called with besides the ids."""
        names = [f"self.{t.attribute}" for t in (self.values, *self.structure)]
        return ", ".join(names + ([str(self.width), str(self.longest)] if self.form == "cells" else []))


def form_of(mask_Vn: NDArray[np.bool_]) -> Form:
    """The smallest form. Nothing at all is left in no cells."""
    rows, width = mask_Vn.shape
    there = mask_Vn.any(1)
    left, numbers = int(there.sum()), int(mask_Vn.sum())
    if numbers == 0:
        return "cells"
    if numbers == left * width:
        return "rows"
    bits = left * (FLOAT * width + -(-width // 8)) + 4 * rows
    cells = numbers * (FLOAT + (1 if width <= BYTE else 2)) + 4 * (rows + 1)
    return "bits" if bits < cells else "cells"


def structure_of(form: Form, mask_Vn: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The buffers of a form by name, in the order in which its function takes them."""
    there = mask_Vn.any(1)
    if form == "cells":
        start = np.concatenate([[0], np.cumsum(mask_Vn.sum(1))]).astype(np.int32)
        column = np.nonzero(mask_Vn)[1].astype(np.uint8 if mask_Vn.shape[1] <= BYTE else np.int16)
        return {"start": start, "column": column}
    row = np.where(there, np.cumsum(there) - 1, -1).astype(np.int32)
    if form == "rows":
        return {"row": row}
    return {"row": row, "bits": np.packbits(mask_Vn[there], axis=1, bitorder="little")}


@dataclass
class Keeping:
    """A table that is put together: its weights one below the other, and what is left of each.

    `made`: every weight as a slice of the whole table; `upper`: it serves nothing but logits.
    """

    initial: Initial
    width: int
    upper: bool
    made: dict[Slice, NDArray[np.bool_]] = field(default_factory=dict)

    def finished(self, name: str, attribute: Callable[[str], str]) -> Kept:
        """The stored table. `attribute` gives free names."""
        parts = sorted(self.made.items(), key=lambda item: item[0].box[0])
        whole = np.concatenate([mask for _, mask in parts])
        form = form_of(whole)
        slices, end = [], 0
        for one, mask in parts:
            begin, end = end, end + int(mask.sum() if form == "cells" else mask.any(1).sum())
            box = ((begin, end),) if form == "cells" else ((begin, end), (0, self.width))
            slices.append(replace(one, box=box, kept=mask))
        shape = (end,) if form == "cells" else (end, self.width)
        values = Tensor(attribute(name), shape, (self.initial,), tuple(slices), True, True, self.upper)
        places = tuple(
            Tensor(
                attribute(f"{name}_{what}"),
                held.shape,
                (),
                (Slice(name, what, (), "", (), ()),),
                False,
                True,
                settled=held,
            )
            for what, held in structure_of(form, whole).items()
        )
        longest = int(whole.sum(1).max(initial=0))
        return Kept(form, values, places, self.width, longest)

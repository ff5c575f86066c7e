"""The columns of a table as models ask for them: each is encoded when it is first needed, and kept while there is room.

A space may have columns without number (all crosses of four fields); a model reads a few. What all models share is
encoded once, at the start.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from recspace.compiler.schema import Column

from .data.encoded import Encoded

ROOM = 256 * 2**20
"""Bytes of columns that are kept beside those of the start."""


class Columns:
    """`base`: encoded at the start and always there. Others are kept, the least recently used given up first.

    What is given up and asked for again is encoded again, to the same values. `encode` gives all rows of the columns
    asked for (`Bound.encode`).
    """

    def __init__(
        self,
        encode: Callable[[Sequence[Column]], Encoded],
        base: Sequence[Column],
        device: torch.device,
        room: int = ROOM,
    ) -> None:
        self._encode, self._device, self._room = encode, device, room
        self.base = encode(base).to(device)
        self._kept: OrderedDict[str, Encoded] = OrderedDict()

    def of(self, columns: Sequence[Column]) -> Encoded:
        """The base with the columns beside it. They stay alive for as long as the result does, whatever is given up."""
        there = self.base.keys
        beside = tuple(self._one(c) for c in dict.fromkeys(columns) if c.key not in there)
        return replace(self.base, beside=beside) if beside else self.base

    def _one(self, column: Column) -> Encoded:
        key = column.key
        if key not in self._kept:
            whole = self._encode([column])
            self._kept[key] = replace(whole, dense={k: t for k, t in whole.dense.items() if k == key}).to(self._device)
        self._kept.move_to_end(key)
        found = self._kept[key]
        while len(self._kept) > 1 and sum(e.nbytes for e in self._kept.values()) > self._room:
            self._kept.popitem(last=False)
        return found

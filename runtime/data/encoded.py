"""Rows as tensors: everything that a model reads lies in memory (or on the device); a batch is one gather a kind.

Ids are stored as int32 and given out as int64. Lists are stored end to end, without padding, and padded in the batch.
Letters: N rows, B rows of a batch, C id columns, L elements of a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.schema import Column

from . import cells
from .encoding import Encoding, Rows
from .faults import fault
from .split import PARTS, Part
from .target import Labels


@dataclass(frozen=True, slots=True)
class ListColumn:
    """`ids` [elements] int32; row r has those from `offsets[r]` to `offsets[r + 1]`; a batch has `longest` places."""

    ids: Tensor
    offsets: Tensor
    longest: int

    def batch(self, rows_B: Tensor) -> Tensor:
        """Ids [B, longest] int64, padded with −1."""
        start_B1 = self.offsets.index_select(0, rows_B).unsqueeze(1)
        end_B1 = self.offsets.index_select(0, rows_B + 1).unsqueeze(1)
        place_BL = start_B1 + torch.arange(self.longest, device=rows_B.device)
        if self.ids.numel() == 0:
            return torch.full_like(place_BL, -1)
        ids_BL = self.ids.index_select(0, place_BL.clamp(max=self.ids.numel() - 1).reshape(-1)).view_as(place_BL)
        return ids_BL.long().masked_fill(place_BL >= end_B1, -1)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A table encoded for one set of columns.

    `ids` [N, C] int32 and `numbers` [N, C] float32 hold the columns named by `id_keys` and `number_keys`;
    `dense` vectors [N, width], labels and weights [N]. `part`, `group` and `time` (when rows happened) stay on the host.
    `beside`: further columns of the same rows, encoded apart.
    """

    count: int
    id_keys: tuple[str, ...]
    ids: Tensor
    number_keys: tuple[str, ...]
    numbers: Tensor
    lists: dict[str, ListColumn]
    dense: dict[str, Tensor]
    part: NDArray[np.uint8]
    group: NDArray[np.int64] | None = None
    time: NDArray[np.float64] | None = None
    beside: tuple[Encoded, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """What a batch has, by `column.key`."""
        own = (*self.id_keys, *self.number_keys, *self.lists, *self.dense)
        return frozenset(own).union(*(other.keys for other in self.beside))

    @property
    def nbytes(self) -> int:
        """Memory of its columns."""
        lists = (t for c in self.lists.values() for t in (c.ids, c.offsets))
        own = sum(t.nbytes for t in (self.ids, self.numbers, *self.dense.values(), *lists))
        return own + sum(other.nbytes for other in self.beside)

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """The columns of the rows [B] (int64, on the device of the tensors) by `column.key`."""
        result: dict[str, Tensor] = {}
        if self.id_keys:
            picked_CB = self.ids.index_select(0, rows).t().to(torch.int64, memory_format=torch.contiguous_format)
            result.update(zip(self.id_keys, picked_CB.unbind(0), strict=True))
        if self.number_keys:
            picked_CB = self.numbers.index_select(0, rows).t().contiguous()
            result.update(zip(self.number_keys, picked_CB.unbind(0), strict=True))
        for key, column in self.lists.items():
            result[key] = column.batch(rows)
        for key, tensor in self.dense.items():
            result[key] = tensor.index_select(0, rows)
        for other in self.beside:
            result.update(other.batch(rows))
        return result

    def single(self, key: str) -> Tensor | None:
        """Ids [N] int32 of a column that has one id a row; None where it is of another kind."""
        if key in self.id_keys:
            return self.ids[:, self.id_keys.index(key)]
        return next((found for other in self.beside if (found := other.single(key)) is not None), None)

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Row numbers of a part, rising."""
        return np.flatnonzero(self.part == PARTS.index(part)).astype(np.int64)

    def carve(self, fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The training rows in two: those that train and a share that tells when to stop; both rising, never empty.

        Groups that the split keeps together stay together.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"a share between 0 and 1 is needed, not {fraction}")
        train = self.rows("train")
        generator = np.random.default_rng([seed, 0xCA])
        wanted = max(1, round(fraction * train.size))
        group = np.arange(train.size) if self.group is None else np.unique(self.group[train], return_inverse=True)[1]
        order = generator.permutation(int(group.max()) + 1)
        size = np.bincount(group)[order]
        stopping = np.isin(group, order[np.cumsum(size) - size < wanted])
        if stopping.all():
            raise fault("S0533", "there are too few training rows to carve some out for early stopping")
        return train[~stopping], train[stopping]

    def labels(self, part: Part) -> NDArray[np.float64]:
        """Labels of a part as float64, in the order of `rows(part)`."""
        rows = torch.from_numpy(self.rows(part)).to(self.dense[":label"].device)
        return self.dense[":label"].index_select(0, rows).cpu().numpy().astype(np.float64)

    def to(self, device: torch.device | str) -> Encoded:
        """The same rows on a device."""
        lists = {k: replace(c, ids=c.ids.to(device), offsets=c.offsets.to(device)) for k, c in self.lists.items()}
        dense = {k: t.to(device) for k, t in self.dense.items()}
        beside = tuple(other.to(device) for other in self.beside)
        ids, numbers = self.ids.to(device), self.numbers.to(device)
        return replace(self, ids=ids, numbers=numbers, lists=lists, dense=dense, beside=beside)

    @property
    def device(self) -> torch.device:
        return self.ids.device


def encoded(
    encoding: Encoding,
    rows: Rows,
    columns: Sequence[Column],
    part: NDArray[np.uint8],
    labels: Labels | None,
    weights: NDArray[np.float32] | None,
    group: NDArray[np.int64] | None,
    time: NDArray[np.float64] | None = None,
) -> Encoded:
    """Tensors of the columns; labels and weights are there whenever the table has them."""
    wanted = list(dict.fromkeys(columns))
    ids = [c for c in wanted if c.what in ("bucket", "cross") or (c.what == "id" and not _several(encoding, c))]
    numbers = [c for c in wanted if c.what == "number"]
    ids_NC = np.empty((rows.count, len(ids)), np.int32)
    for k, column in enumerate(ids):
        ids_NC[:, k] = _ids(encoding, rows, column)
    numbers_NC = np.empty((rows.count, len(numbers)), np.float32)
    for k, column in enumerate(numbers):
        numbers_NC[:, k] = _scaled(encoding, rows, column.fields[0])
    dense = {c.key: torch.from_numpy(rows.vectors[c.fields[0]]) for c in wanted if c.what == "vector"}
    if labels is not None:
        dense[":label"] = torch.from_numpy(labels)
    if weights is not None or any(c.what == "weight" for c in wanted):
        dense[":weight"] = torch.ones(rows.count) if weights is None else torch.from_numpy(weights)
    lists = {c.key: _list(encoding, rows, c.fields[0]) for c in wanted if c.what == "id" and _several(encoding, c)}
    return Encoded(
        rows.count, tuple(c.key for c in ids), torch.from_numpy(ids_NC), tuple(c.key for c in numbers),
        torch.from_numpy(numbers_NC), lists, dense, part, group, time,
    )  # fmt: skip


def encode_table(encoding: Encoding, table: pl.DataFrame, columns: Sequence[Column]) -> Encoded:
    """New rows, encoded as a finished model was trained; all of them are test rows.

    The label is read where the table has its column. Raises SpaceError S0507, S0521 to S0523, S0571.
    """
    labelling = encoding.labelling
    known = labelling is not None and labelling.target.column in table.columns
    labels = labelling.encode(table[labelling.target.column]) if labelling is not None and known else None
    weight = encoding.spec.weight if encoding.spec.weight in table.columns else ""
    weights = cells.numbers(table[weight], encoding.spec.span).astype(np.float32) if weight else None
    part = np.full(table.height, PARTS.index("test"), np.uint8)
    return encoded(encoding, encoding.rows(table), columns, part, labels, weights, None)


def _several(encoding: Encoding, column: Column) -> bool:
    return encoding.kind(column.fields[0]).several


def _ids(encoding: Encoding, rows: Rows, column: Column) -> NDArray[np.int32]:
    name = column.fields[0]
    match column.what:
        case "bucket":
            return encoding.bucket(name, column.bins[0]).ids(rows.numbers[name])
        case "cross":
            return encoding.cross_ids(rows, column)
        case _:
            if name not in rows.ids:
                raise fault("S0532", f"`{name}` has no ids")
            return rows.ids[name]


def _scaled(encoding: Encoding, rows: Rows, name: str) -> NDArray[np.float32]:
    if name not in rows.numbers:
        raise fault("S0531", f"`{name}` is no number")
    return encoding.scales[name].scaled(rows.numbers[name])


def _list(encoding: Encoding, rows: Rows, name: str) -> ListColumn:
    ragged = rows.lists[name]
    return ListColumn(torch.from_numpy(ragged.ids), torch.from_numpy(ragged.offsets), encoding.kind(name).longest)

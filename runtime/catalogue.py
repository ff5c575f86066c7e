"""What there is to recommend: for every item the columns that change with it, and who has which.

Items are the known ids 1..I of the item column; the unknown one (0) is never recommended. All tensors lie on the CPU,
where alternatives are drawn, but for the columns of the items. Letters: N rows, R pairs of a row and an item, I items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recspace.compiler.schema import Column

from .data.crossings import Crossing
from .data.encoded import Encoded

OTHERS = ":others/"
"""What stands before the key of a column in a batch, for what the alternatives have in its place."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who chooses and what is chosen: columns of ids; `items`: how many of these there are. `fields`: those that change
    with the item, it included.

    `crossings` gives, of the columns of a model, the crosses of an item's field with one that is not.
    """

    user: Column
    item: Column
    items: int
    fields: frozenset[str]
    crossings: Callable[[Sequence[Column]], tuple[Crossing, ...]]

    @property
    def columns(self) -> tuple[Column, Column]:
        return self.user, self.item


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`user`, `item` [N]: ids of every row. `row_of` [I]: a row that shows each item; `shelf`: its columns [I, …], by key.

    `own`: keys of the columns that do not change with the item.
    """

    items: int
    user: Tensor
    item: Tensor
    row_of: Tensor
    shelf: dict[str, Tensor]
    own: tuple[str, ...]
    crossings: tuple[Crossing, ...]

    def replaced(self, rows_R: Tensor, items_R: Tensor) -> dict[str, Tensor]:
        """The columns that change with the item, for the rows (int64, on the CPU) with other items than their own."""
        device = next(iter(self.shelf.values())).device
        at = (items_R - 1).to(device)
        found = {key: column.index_select(0, at) for key, column in self.shelf.items()}
        if self.crossings:
            of_item, of_row = self.row_of[items_R - 1].numpy(), rows_R.numpy()
            for cross in self.crossings:
                parts = [ids[of_item] if mine else ids[of_row] for ids, mine in cross.parts]
                found[cross.key] = torch.from_numpy(cross.ids(parts)).long().to(device)
        return found

    def pairs(self, encoded: Encoded, rows_R: Tensor, items_R: Tensor) -> dict[str, Tensor]:
        """A batch of the rows with other items than their own."""
        return {**encoded.batch(rows_R.to(encoded.device)), **self.replaced(rows_R, items_R)}


def catalogue(encoded: Encoded, roles: Roles, columns: Sequence[Column]) -> Catalogue:
    """The catalogue of a table. `columns`: what a model reads, and the ids of users and items."""
    ids = {key: encoded.ids[:, k].long().cpu() for k, key in enumerate(encoded.id_keys)}
    item_N = ids[roles.item.key]
    first_I = torch.full((roles.items + 1,), encoded.count - 1)
    row_I = first_I.scatter_reduce(0, item_N, torch.arange(encoded.count), "amin")[1:]
    crossings = roles.crossings(columns)
    mixed = {c.key for c in crossings}
    changing = {c.key for c in columns if roles.fields & set(c.fields)} | {roles.item.key}
    shown = encoded.batch(row_I.to(encoded.device))
    shelf = {key: column for key, column in shown.items() if key in changing - mixed}
    own = tuple(key for key in shown if key not in changing and not key.startswith(":"))
    return Catalogue(roles.items, ids[roles.user.key], item_N, row_I, shelf, own, crossings)

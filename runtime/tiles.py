"""A step in tiles of its batch: what is kept for the backward pass of a few examples stays in the caches.

The gradient of a mean over examples is the weighted mean of those over parts of them, so the tiles' gradients add up to
the batch's, to rounding. A step of L0-SIGN over 26 fields and 1,024 examples keeps 250 MB at once and takes 2.8 times as
long as in tiles of 64 (`benchmarks/speed.py`). Not where examples see one another (`Compiled.tiled`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

KEPT = 8 << 20
"""Bytes that a tile keeps between the passes, about: a core's share of the caches."""
FEWEST = 64
"""Examples of a tile, at least: matrix products of fewer are slow."""
AGAIN = 3
"""How often the gradient of every parameter is read or written for a tile: made, read, added."""
WORTH = 2
"""Bytes of gradients that may be moved for a byte that is kept: the latter is new memory, which costs more (measured)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Some examples of a batch. `share`: of the batch, by weight; those of all tiles sum to one."""

    share: float
    batch: Mapping[str, Tensor]
    noise: Mapping[str, Tensor]


def rows_of(kept: int, gradients: int, size: int) -> int:
    """Examples of a tile. `kept`: bytes for each that a forward pass keeps; `gradients`: those of all that is trained;
    `size` of the batch. A power of two, or the batch as a whole."""
    rows = max(FEWEST, 1 << max(0, int(math.log2(max(1.0, KEPT / max(1, kept))))))
    while rows < size and math.ceil(size / rows) * AGAIN * gradients > WORTH * size * kept:
        rows *= 2
    return size if rows >= size else rows


def kept_by(forward: Callable[[], object], held: Iterable[Tensor]) -> int:
    """Bytes of the tensors that autograd keeps of a forward pass, besides those that are `held` anyway."""
    there = {tensor.untyped_storage().data_ptr() for tensor in held}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in there:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
        total = sum(kept.values())  # while the graph is alive: no storage has been given away twice
    del result
    return total


def tiles(batch: Mapping[str, Tensor], noise: Mapping[str, Tensor], rows: int) -> list[Tile]:
    """The batch in tiles of at most `rows` examples and almost equal size. All in it have an entry for each example."""
    size = next(iter(batch.values())).shape[0]
    count = math.ceil(size / rows)
    if count <= 1:
        return [Tile(1.0, batch, noise)]
    weight = batch.get(":weight")
    ends = [size * k // count for k in range(count + 1)]
    found = []
    for start, end in pairwise(ends):
        share = (end - start) / size if weight is None else float(weight[start:end].sum() / weight.sum())
        if share:  # examples without weight are no part of the mean
            found.append(Tile(share, _between(batch, start, end), _between(noise, start, end)))
    return found


def _between(tensors: Mapping[str, Tensor], start: int, end: int) -> dict[str, Tensor]:
    return {key: tensor[start:end] for key, tensor in tensors.items()}


def added(total: dict[str, Tensor], more: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The sums of gradients by name, into tensors of their own: those of autograd may share memory."""
    for name, gradient in more.items():
        if name in total:
            total[name].add_(gradient)
        else:
            total[name] = gradient.clone()
    return total

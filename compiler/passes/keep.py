"""A table of which settled decisions leave a part becomes a table of that part.

embed(f, n) * keep[f, value(f), :]   →   embed(f, n) of the numbers that are on   (the rest is 0, and stored nowhere)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..alive import Alive, Blocks, looked_up_in
from ..decisions import Key
from ..gated import Settled
from ..ir import Graph, Node, Operator, Ref
from ..schema import Column
from .prune import prune
from .tables import LOOKED_UP

Mask = NDArray[np.bool_]
Place = tuple[str, Key]
"""A table as the space has it: its layer and the element of the family."""


def keep(
    graph: Graph,
    settled: Settled,
    rows_of: Callable[[Column], int],
    blocks: Blocks,
    pruned: Mapping[Place, Mask] | None = None,
) -> Graph:
    """`rows_of`, `blocks`: see `Alive`; `pruned`: what is left of tables besides."""
    alive = Alive(graph, settled, rows_of, blocks)
    masks = _masks(graph, alive)
    nodes = dict(graph.items())
    for key, reader in looked_up_in(graph):
        if any((key, row) in masks for row in range(len(reader.keys))):
            own = (masks.get((key, row), _all(reader, row, alive, rows_of)) for row in range(len(reader.keys)))
            nodes[key] = replace(reader, options={**reader.options, "·kept": tuple(own)})
    for key, node in graph.items():
        pair = product(graph, node)
        if pair is not None and _nothing_more(graph, alive, masks, *pair):
            table = nodes[pair[0].node]
            assert isinstance(table, Operator)
            nodes[key] = _left(table, node, pair[0])
    made = prune(graph.with_nodes(nodes))
    return _pruned(made, pruned) if pruned else made


def _masks(graph: Graph, alive: Alive) -> dict[tuple[int, int], Mask]:
    """What is left of the table of every row of a look-up, where that is not all: what any look-up of it can show."""
    at: dict[Place, list[tuple[int, int]]] = {}
    for key, node in looked_up_in(graph):
        for row, name in enumerate(node.keys):
            at.setdefault((node.layer, name), []).append((key, row))
    found: dict[tuple[int, int], Mask] = {}
    for places in at.values():
        own = [mask for place in places if (mask := alive.table(*place)) is not None]
        if len(own) == len(places):
            whole: Mask = np.logical_or.reduce(np.stack(own))
            if not bool(whole.all()):
                found |= dict.fromkeys(places, whole)
    return found


def _all(node: Operator, row: int, alive: Alive, rows_of: Callable[[Column], int]) -> Mask:
    column = alive.column(node.operands[0], row)
    assert column is not None
    width = 1 if node.operator == "weight" else int(node.shape.last)  # type: ignore[arg-type]
    return np.ones((rows_of(column), width), dtype=bool)


def product(graph: Graph, node: Node) -> tuple[Ref, Ref] | None:
    """The look-up in a table that a node multiplies by something else, and that."""
    if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
        return None
    for table, other in (node.operands, node.operands[::-1]):
        left = graph[table.node]
        if isinstance(left, Operator) and left.operator in LOOKED_UP and left.keys and left.shape == node.shape:
            return table, other
    return None


def _nothing_more(graph: Graph, alive: Alive, masks: Mapping[tuple[int, int], Mask], table: Ref, other: Ref) -> bool:
    """Whether a product does nothing but take away what is stored no more."""
    reader = graph[table.node]
    assert isinstance(reader, Operator)
    for row, at in zip(table.rows.array.tolist(), other.rows.array.tolist(), strict=True):
        mask, column = masks.get((table.node, row)), alive.column(reader.operands[0], row)
        factor = None if column is None else alive.value(other.node, at, column)
        if mask is None or factor is None:
            return False
        if not np.array_equal(np.broadcast_to(factor.reshape(len(factor), -1), mask.shape), mask):
            return False
    return True


def _left(reader: Operator, node: Node, table: Ref) -> Operator:
    """The look-up in the place of the product."""
    (ids,) = reader.operands
    rows = table.rows
    return replace(
        reader,
        index=node.index,
        place=node.place or reader.place,
        span=node.span,
        operands=(Ref(ids.node, ids.rows.take(rows)),),
        keys=tuple(reader.keys[r] for r in rows.array),
        chosen=tuple((name, elements.take(rows), option) for name, elements, option in reader.chosen),
        options={**reader.options, "·kept": tuple(reader.options["·kept"][r] for r in rows.array.tolist())},
    )


def _pruned(graph: Graph, pruned: Mapping[Place, Mask]) -> Graph:
    nodes = dict(graph.items())
    for key, node in graph.items():
        if isinstance(node, Operator) and node.operator in LOOKED_UP and node.keys:
            own = [pruned.get((node.layer, name)) for name in node.keys]
            if all(m is not None for m in own):
                before = node.options.get("·kept", own)
                both = tuple(a & b for a, b in zip(before, own, strict=True))
                nodes[key] = replace(node, options={**node.options, "·kept": both})
    return graph.with_nodes(nodes)

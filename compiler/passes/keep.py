"""A table times gates that are settled becomes a table of what they have left.

embed(f, n) * keep[f, value(f), :]   →   embed(f, n) of the numbers that are on   (the rest is 0, and stored nowhere)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..decisions import Key
from ..gated import Gates, Settled, gated, product
from ..ir import Graph, Input, Node, Operator, Ref
from ..schema import Column
from .prune import prune
from .tables import LOOKED_UP

Mask = NDArray[np.bool_]
Place = tuple[str, Key]
"""A table as the space has it: its layer and the element of the family."""


def keep(
    graph: Graph, settled: Settled, rows_of: Callable[[Column], int], pruned: Mapping[Place, Mask] | None = None
) -> Graph:
    """`rows_of` tells how many rows a column of ids needs; `pruned`: what is left of tables besides."""
    masks = _masks(graph, settled, rows_of)
    nodes = dict(graph.items())
    for key, node in graph.items():
        pair = product(graph, node)
        if pair is not None and all((pair[0].node, row) in masks for row in pair[0].rows.array.tolist()):
            nodes[key] = _left(graph, node, pair[0], masks)
    made = prune(graph.with_nodes(nodes))
    return _pruned(made, pruned) if pruned else made


def _masks(graph: Graph, settled: Settled, rows_of: Callable[[Column], int]) -> dict[tuple[int, int], Mask]:
    """What is left of the table of every row of a look-up, where that is the same in all look-ups of it."""
    found: dict[tuple[int, int], Mask] = {}
    at: dict[Place, list[tuple[int, int]]] = {}
    gates = gated(graph)
    for key, node in graph.items():
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP and node.keys):
            continue
        source = graph[node.operands[0].node]
        for row, name in enumerate(node.keys):
            at.setdefault((node.layer, name), []).append((key, row))
            own = gates.get((key, row))
            if isinstance(own, Gates) and own.decision in settled and isinstance(source, Input):
                rows = rows_of(source.columns[int(node.operands[0].rows.array[row])])
                found[key, row] = own.mask(settled[own.decision], rows, _width(node))
    for places in at.values():
        own_masks = [found.get(place) for place in places]
        first = own_masks[0]
        if first is None or any(m is None or not np.array_equal(m, first) for m in own_masks):
            for place in places:
                found.pop(place, None)
    return found


def _width(node: Operator) -> int:
    return 1 if node.operator == "weight" else int(node.shape.last)  # type: ignore[arg-type]


def _left(graph: Graph, node: Node, table: Ref, masks: Mapping[tuple[int, int], Mask]) -> Operator:
    """The look-up in the place of the product."""
    reader = graph[table.node]
    assert isinstance(reader, Operator)
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
        options={**reader.options, "·kept": tuple(masks[table.node, r] for r in rows.array.tolist())},
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

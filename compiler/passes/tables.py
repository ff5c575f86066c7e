"""All embeddings of one width → one table with offsets.

embed(f, 16) for f in fields; embed(g, 16)   →   one table of 16 columns; ids of field k start at offset k

What predicts logits has tables of its own: in a bilevel search they are learned apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from ..ir import Graph, Input, Node, Operator
from ..levels import upper_level
from ..schema import Column

USUAL = (0.0, 1e-4)
"""Mean and standard deviation of most tables at their start; others lie in tables of their own."""
LOOKED_UP = ("embed", "weight")


def tables(graph: Graph, rows_of: Callable[[Column], int]) -> Graph:
    """Every look-up by ids learns its table and where the rows of its fields start in it.

    `rows_of` tells how many rows a column of ids needs (the unknown value's included).
    """
    ends: dict[str, int] = {}
    starts: dict[tuple[str, str, tuple[object, ...], str, str], int] = {}
    nodes: dict[int, Node] = {}
    upper = upper_level(graph)
    for key, node in graph.items():
        nodes[key] = node
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP):
            continue
        source = graph[node.operands[0].node]
        if not isinstance(source, Input) or source.columns[0].what not in ("id", "bucket", "cross"):
            continue
        width = 1 if node.operator == "weight" else cast(int, node.shape.last)
        name = f"{node.operator}_{width}" if node.operator == "embed" else "weights"
        start = (node.options.get("mean"), node.options.get("std"))
        name += "" if start in (USUAL, (None, None)) else f"_{start[0]:g}_{start[1]:g}"
        name = f"given_{name}" if key in upper else name
        name = f"kept_{name}" if "·kept" in node.options else name
        offsets: list[int] = []
        for k, row in enumerate(node.operands[0].rows.array):
            column = source.columns[row]
            place = (name, node.layer, node.keys[k], column.key, node.options.get("·candidate", ""))
            if place not in starts:
                starts[place] = ends.get(name, 0)
                ends[name] = starts[place] + rows_of(column)
            offsets.append(starts[place])
        nodes[key] = replace(node, options={**node.options, "·table": name, "·offsets": tuple(offsets)})
    return graph.with_nodes(nodes)

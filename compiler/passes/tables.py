"""All embeddings of one width → one table with offsets.

embed(f, 16) for f in fields; embed(g, 16)   →   one table of 16 columns; ids of field k start at offset k

What predicts logits has tables of its own: in a bilevel search they are learned apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from ..ir import Graph, Input, Node, Operator
from ..levels import upper_level
from ..promise import Operator as Promise
from ..promise import Weight
from ..schema import Column

USUAL = (0.0, 1e-4)
"""Mean and standard deviation of most tables at their start; others lie in tables of their own."""
LOOKED_UP = ("embed", "weight")


@dataclass(frozen=True, slots=True)
class Laid:
    """Where a weight of a look-up lies: the table, and for every row of the node from which row of it on, how many rows, and
    which of these an id has (`Weight.digit`)."""

    weight: Weight
    table: str
    starts: tuple[int, ...]
    rows: tuple[int, ...]
    digits: tuple[tuple[int, int] | None, ...]

    def __repr__(self) -> str:
        return f"{self.table} from {', '.join(map(str, self.starts))}"


def tables(graph: Graph, rows_of: Callable[[Column], int], promises: Mapping[str, Promise]) -> Graph:
    """Every look-up by ids learns its tables and where the rows of its fields start in them (`·laid`).

    `rows_of` tells how many values a column of ids has (the unknown one included).
    """
    ends: dict[str, int] = {}
    starts: dict[tuple[Any, ...], int] = {}
    nodes: dict[int, Node] = {}
    upper = upper_level(graph)
    for key, node in graph.items():
        nodes[key] = node
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP):
            continue
        source = graph[node.operands[0].node]
        if not isinstance(source, Input) or source.columns[0].what not in ("id", "bucket", "cross"):
            continue
        columns = [source.columns[row] for row in node.operands[0].rows.array]
        of_rows = [_weights(promises[node.operator], source, node, rows_of(column)) for column in columns]
        laid = []
        for own in zip(*of_rows, strict=True):
            name = _name(node, own[0], key in upper)
            begins = []
            for column, element, weight in zip(columns, node.keys, own, strict=True):
                place = (name, node.layer, element, column.key, node.options.get("·candidate", ""))
                if place not in starts:
                    starts[place] = ends.get(name, 0)
                    ends[name] = starts[place] + cast(int, weight.shape[0])
                begins.append(starts[place])
            rows = tuple(cast(int, weight.shape[0]) for weight in own)
            laid.append(Laid(own[0], name, tuple(begins), rows, tuple(weight.digit for weight in own)))
        nodes[key] = replace(node, options={**node.options, "·laid": tuple(laid)})
    return graph.with_nodes(nodes)


def _weights(promise: Promise, source: Input, node: Operator, rows: int) -> tuple[Weight, ...]:
    return promise.weights((source.shape,), {**node.options, "rows": rows})


def _name(node: Operator, weight: Weight, upper: bool) -> str:
    """Weights of one name and width lie one below the other, if they start alike."""
    whole = "embed" if weight.name == "table" else weight.name
    name = f"{whole}_{weight.shape[-1]}" if node.operator == "embed" else "weights"
    name += f"_rank_{node.options['rank']}" if weight.name.startswith("core_") else ""
    name += f"_books_{weight.row_bytes}" if weight.name == "queries" else ""
    start = (node.options.get("mean"), node.options.get("std"))
    name += "" if start in (USUAL, (None, None)) else f"_{start[0]:g}_{start[1]:g}"
    name = f"given_{name}" if upper else name
    return f"kept_{name}" if "·kept" in node.options else name

"""What gates multiply: `embed(f, n) * keep[f, value(f), :]` opens and shuts the numbers of a table one by one.

Where nothing reads a row of a table but such products, the gates belong to the table: a relaxation may look at what they
gate, and a derived model stores what they have left (`passes/keep.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from .ir import DecisionNode, Graph, Input, IntArray, Node, Operator, Reduce, Ref

LOOKED_UP = ("embed", "weight")


@dataclass(frozen=True, slots=True)
class Gates:
    """Gates of a table: that of value v and column k is element `begins[k] + v − 1` of a decision; with one entry in
    `begins`, that of all columns of v."""

    decision: str
    begins: tuple[int, ...]

    def elements(self, rows: int, width: int) -> IntArray:
        """The element of every number of a table but those of the unknown value, its first row: [rows − 1, width]."""
        first = np.broadcast_to(np.array(self.begins, dtype=np.int64), (width,))
        return np.arange(rows - 1)[:, None] + first

    def mask(self, options: NDArray[np.bool_], rows: int, width: int) -> NDArray[np.bool_]:
        """What is left of a table [rows, width]; a value never seen has its gates off."""
        found = np.zeros((rows, width), dtype=bool)
        found[1:] = options[self.elements(rows, width)]
        return found


def begins(graph: Graph, family: Ref) -> IntArray:
    """Where the gate of the value 1 stands among the elements of the decision that is looked up: [rows], of vectors
    [rows, width]."""
    source, rows = graph[family.node], family.rows.array
    if isinstance(source, Reduce):
        (block,) = source.blocks
        return begins(graph, block.ref).reshape(-1, block.count)[rows]
    assert isinstance(source, DecisionNode)
    counts = graph.decision(source.name).counts
    found: IntArray = np.array([0, *accumulate(counts)])[source.elements.array[rows]]
    return found


def gated(graph: Graph) -> dict[tuple[int, int], Gates]:
    """The gates of every row of a look-up (node, row) in a table that nothing reads but products with them."""
    found: dict[tuple[int, int], Gates] = {}
    open_: set[tuple[int, int]] = set()
    for key, node in graph.items():
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP):
            continue
        for consumer in graph.consumers(key):
            gates = dict(_products(graph, graph[consumer], key))
            for ref in _read(graph[consumer], key):
                for row in ref.rows.array.tolist():
                    one = gates.get(row)
                    if one is None or found.setdefault((key, row), one) != one:
                        open_.add((key, row))
    return {place: gates for place, gates in found.items() if place not in open_}


def _read(node: Node, key: int) -> Iterator[Ref]:
    from .ir import operands

    return (ref for ref in operands(node) if ref.node == key)


def _products(graph: Graph, node: Node, key: int) -> Iterator[tuple[int, Gates]]:
    """The rows of a table's look-up that a product multiplies by gates of the same values."""
    pair = product(graph, node)
    if pair is None or pair[0].node != key:
        return
    table, looked = pair
    reader, lookup = graph[key], graph[looked.node]
    assert isinstance(reader, Operator)
    assert isinstance(lookup, Operator)
    family, ids = lookup.operands
    starts = begins(graph, family)
    for own, at in zip(table.rows.array.tolist(), looked.rows.array.tolist(), strict=True):
        (read,) = reader.operands
        if _column(graph, read, own) is not None and _column(graph, read, own) == _column(graph, ids, at):
            yield own, Gates(decision_of(graph, family), tuple(np.atleast_1d(starts[at]).tolist()))


def product(graph: Graph, node: Node) -> tuple[Ref, Ref] | None:
    """The look-up in a table and that of gates which a node multiplies; None where it does something else."""
    if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
        return None
    for table, other in (node.operands, node.operands[::-1]):
        left, right = graph[table.node], graph[other.node]
        if isinstance(left, Operator) and left.operator in LOOKED_UP and isinstance(right, Operator):
            return (table, other) if right.operator == "lookup" else None
    return None


def decision_of(graph: Graph, family: Ref) -> str:
    """The decision that is looked up."""
    source = graph[family.node]
    source = graph[source.blocks[0].ref.node] if isinstance(source, Reduce) else source
    assert isinstance(source, DecisionNode)
    return source.name


def _column(graph: Graph, ids: Ref, row: int) -> str | None:
    """The field whose ids a row reads; None where it reads something else, or takes rare values for unknown ones."""
    source = graph[ids.node]
    column = source.columns[int(ids.rows.array[row])] if isinstance(source, Input) else None
    return column.fields[0] if column is not None and column.what == "id" and column.min_count <= 1 else None


Settled = Mapping[str, NDArray[np.bool_]]
"""Of decisions that are looked up, which of their gates are on."""

"""What gates multiply: `embed(f, n) * keep[f, value(f), :]` opens and shuts the numbers of a table one by one.

Where nothing reads a row of a table but such products, the gates belong to the table: a relaxation may look at what they
gate, and a derived model stores what they have left (`passes/keep.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ir import DecisionNode, Graph, Input, IntArray, Node, Operator, Reduce, Ref, operands
from .passes.tables import LOOKED_UP


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


@dataclass(frozen=True, slots=True)
class BlockGates:
    """Gates of a table by frequency blocks: those of a value in block s are elements `begins[s − 1]` of a decision, one
    for each column or one for all. `of`: the block of every id, once the data are looked at."""

    decision: str
    column: str
    blocks: int
    over: str
    begins: tuple[tuple[int, ...], ...]
    of: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), compare=False, repr=False)

    def elements(self, rows: int, width: int) -> IntArray:
        """As those of `Gates`, of all rows: [rows, width]."""
        found: IntArray = np.array(self.begins, dtype=np.int64)[self.of[:rows] - 1]
        return np.broadcast_to(found, (rows, width))


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


AnyGates = Gates | BlockGates


def gated(graph: Graph) -> dict[tuple[int, int], AnyGates]:
    """The gates of every row of a look-up (node, row) in a table that nothing reads but products with them."""
    found: dict[tuple[int, int], AnyGates] = {}
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
    return (ref for ref in operands(node) if ref.node == key)


def _products(graph: Graph, node: Node, key: int) -> Iterator[tuple[int, AnyGates]]:
    """The rows of a table's look-up that a product multiplies by gates of the same values."""
    pair = product(graph, node)
    if pair is None or pair[0].node != key:
        return
    table, looked = pair
    reader, lookup = graph[key], graph[looked.node]
    assert isinstance(reader, Operator)
    assert isinstance(lookup, Operator)
    if lookup.operator == "pick":
        yield from _by_block(graph, reader, lookup, table, looked)
        return
    family, ids, *_ = lookup.operands
    starts = begins(graph, family)
    for own, at in zip(table.rows.array.tolist(), looked.rows.array.tolist(), strict=True):
        (read,) = reader.operands
        if _column(graph, read, own) is not None and _column(graph, read, own) == _column(graph, ids, at):
            yield own, Gates(decision_of(graph, family), tuple(np.atleast_1d(starts[at]).tolist()))


def _by_block(
    graph: Graph, reader: Operator, lookup: Operator, table: Ref, looked: Ref
) -> Iterator[tuple[int, AnyGates]]:
    """The same where gates of blocks are picked."""
    at, *alternatives = lookup.operands
    block = graph[at.node]
    elements = [_elements(graph, one) for one in alternatives]
    if not (isinstance(block, Operator) and block.operator == "block") or any(e is None for e in elements):
        return
    names = {decision_of(graph, one) for one in alternatives}
    (read,), (ids,) = reader.operands, block.operands
    for own, row in zip(table.rows.array.tolist(), looked.rows.array.tolist(), strict=True):
        column = _column(graph, read, own)
        if len(names) == 1 and column is not None and column == _column(graph, ids, int(at.rows.array[row])):
            starts = tuple(tuple(np.atleast_1d(e[row]).tolist()) for e in elements if e is not None)
            yield own, BlockGates(min(names), column, int(block.options["blocks"]), str(block.options["over"]), starts)


def _elements(graph: Graph, ref: Ref) -> IntArray | None:
    """The elements of a decision that gates, or vectors of them, are: [rows] or [rows, width]; None for anything else."""
    source, rows = graph[ref.node], ref.rows.array
    if isinstance(source, Reduce) and source.operator == "vector" and len(source.blocks) == 1:
        inner = _elements(graph, source.blocks[0].ref)
        return None if inner is None else inner.reshape(-1, source.blocks[0].count)[rows]
    if isinstance(source, DecisionNode) and graph.decision(source.name).domains[0].kind == "gate":
        return source.elements.array[rows]
    return None


def product(graph: Graph, node: Node) -> tuple[Ref, Ref] | None:
    """The look-up in a table and that of gates which a node multiplies; None where it does something else."""
    if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
        return None
    for table, other in (node.operands, node.operands[::-1]):
        left, right = graph[table.node], graph[other.node]
        if isinstance(left, Operator) and left.operator in LOOKED_UP and isinstance(right, Operator):
            return (table, other) if right.operator in ("lookup", "pick") else None
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


Settled = Mapping[str, NDArray[Any]]
"""Of decisions that are looked up, which of their gates are on; of choices, the positions of the options taken."""

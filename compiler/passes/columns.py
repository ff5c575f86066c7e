"""A table times gates of its columns that are settled becomes a table of the columns that are left.

embed(f, n) * [1, 0, 1, …]               →   spread(embed(f, m))     (m numbers, and where they stand among n)
linear[f](embed(f, n) * [1, 0, 1, …])    →   linear[f](embed(f, m))  (with the rows of the weight that are left)
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from ..compression import FULL
from ..decisions import Key
from ..ir import Constant, Graph, Input, IntArray, Merge, Node, Operator, Ref, Rows, operands
from ..rewrite import taken
from ..shapes import vector
from .prune import prune
from .tables import LOOKED_UP

Columns = tuple[int, ...]
At = tuple[int, int]
"""A node and one of its rows."""
IDS = ("id", "bucket", "cross")


def columns(graph: Graph, pruned: Container[tuple[str, Key]] | None = None) -> Graph:
    """Tables that nothing reads but products with the same zeros and ones. `pruned`: those of which numbers are left one
    by one, which are stored otherwise."""
    products = _products(graph, pruned or ())
    if not products:
        return graph
    work = _Narrowing(graph, products)
    for key, node in graph.items():
        work.add(key, node)
    return prune(graph.with_nodes(work.nodes))


Left = list[Columns | None]
"""The columns that are left, row by row; None where something else reads the table too."""


def _products(graph: Graph, pruned: Container[tuple[str, Key]]) -> dict[int, tuple[Ref, Left]]:
    """The products of tables and settled gates: the rows of the look-up, and the columns that are left in each."""
    found = {key: pair for key, node in graph.items() if (pair := _product(graph, node)) is not None}
    left: dict[tuple[str, Key], set[Columns | None]] = {}
    for key, node in graph.items():
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP and node.keys):
            continue
        for consumer in graph.consumers(key):
            ref, own = found.get(consumer, (None, []))
            read = (
                [ref]
                if ref is not None and ref.node == key
                else [o for o in operands(graph[consumer]) if o.node == key]
            )
            for one in read:
                for k, row in enumerate(one.rows.array.tolist()):
                    left.setdefault((node.layer, node.keys[row]), set()).add(own[k] if one is ref else None)

    def alone(ref: Ref, own: Left) -> Left:
        reader = graph[ref.node]
        assert isinstance(reader, Operator)
        places = [(reader.layer, reader.keys[r]) for r in ref.rows.array.tolist()]
        return [one if len(left[at]) == 1 and at not in pruned else None for at, one in zip(places, own, strict=True)]

    narrowed = {key: (ref, alone(ref, own)) for key, (ref, own) in found.items()}
    return {key: pair for key, pair in narrowed.items() if any(one is not None for one in pair[1])}


def _product(graph: Graph, node: Node) -> tuple[Ref, Left] | None:
    if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
        return None
    for table, other in (node.operands, node.operands[::-1]):
        reader, gates = graph[table.node], graph[other.node]
        if not (
            isinstance(reader, Operator)
            and reader.operator == "embed"
            and reader.keys
            and "·kept" not in reader.options
            and reader.options.get("table", FULL) == FULL
        ):
            continue
        source = graph[reader.operands[0].node]
        if not (isinstance(source, Input) and source.columns[0].what in IDS and isinstance(gates, Constant)):
            continue
        values = gates.values[other.rows.array]
        if gates.shape.kind == "vector" and bool(((values == 0) | (values == 1)).all()):
            return table, [tuple(np.flatnonzero(row).tolist()) for row in values]
    return None


class _Narrowing:
    """The graph in the making. `narrow`: for every row of a product, the look-up and its row in a table of fewer columns."""

    def __init__(self, graph: Graph, products: Mapping[int, tuple[Ref, Left]]) -> None:
        self.graph, self.products = graph, products
        self.nodes: dict[int, Node] = {}
        self.narrow: dict[At, At] = {}
        self.left: dict[At, Columns] = {}
        self._next = max(k for k, _ in graph.items()) + 1

    def add(self, key: int, node: Node) -> None:
        if key in self.products:
            assert isinstance(node, Operator)
            self._table(key, node, *self.products[key])
        elif isinstance(node, Operator) and node.operator == "linear" and self._takes_rows(node):
            self._linear(key, node)
        else:
            self.nodes[key] = node

    def _fresh(self, node: Node) -> int:
        self.nodes[self._next] = node
        self._next += 1
        return self._next - 1

    def _table(self, key: int, node: Operator, table: Ref, left: Left) -> None:
        reader = self.graph[table.node]
        assert isinstance(reader, Operator)
        whole = int(node.shape.last)  # type: ignore[arg-type]
        parts = []
        for rows in _by([None if one is None else len(one) for one in left]):
            kept = tuple(one for r in rows if (one := left[r]) is not None)
            if not kept:
                parts.append((rows, self._fresh(taken(node, Rows(rows)))))
                continue
            own = taken(reader, table.rows.take(Rows(rows)))
            assert isinstance(own, Operator)
            m = len(kept[0])
            shape = replace(node.shape, dims=(*node.shape.dims[:-1], m))
            index = node.index.take(Rows(rows))
            nothing = Constant(
                index=index, shape=shape, phase="compile", span=node.span, values=np.zeros((len(rows), 0))
            )
            some = replace(own, index=index, shape=shape, options={**own.options, "n": m, "·columns": (whole, kept)})
            at = self._fresh(some if m else nothing)
            for k, row in enumerate(rows.tolist()):
                self.narrow[key, row], self.left[key, row] = (at, k), kept[k]
            spread: Node = Operator(index=index, shape=node.shape, phase="run", place=node.place, span=node.span,
                              operator="spread", operands=(Ref(at, Rows.all(len(rows))),),
                              options={"at": _places(kept, whole)})  # fmt: skip
            if not m:
                spread = replace(nothing, shape=node.shape, values=np.zeros((len(rows), *node.shape.fixed)))
            parts.append((rows, self._fresh(spread)))
        self.nodes[key] = _merged(node, parts)

    def _takes_rows(self, node: Operator) -> bool:
        """Whether a layer has weights of its own for every row, and some of them reads a narrowed table."""
        (ref,) = node.operands
        rows = ref.rows.array.tolist()
        return len(set(node.keys)) == len(node.index) and any(isinstance(self._read(ref.node, r), tuple) for r in rows)

    def _read(self, key: int, row: int) -> tuple[At, int | None] | Literal["nothing", "other"]:
        """The product that a row reads, and the pooling in between; whether it reads zeros, or something else."""
        node = self.graph[key]
        if isinstance(node, Constant) and not node.values[row].any():
            return "nothing"
        if (key, row) in self.narrow:
            return (key, row), None
        if isinstance(node, Merge):
            return self._read(*node.source(row))
        if isinstance(node, Operator) and node.operator == "pool":
            found = self._read(node.operands[0].node, int(node.operands[0].rows.array[row]))
            return (found[0], key) if isinstance(found, tuple) else found
        return "other"

    def _linear(self, key: int, node: Operator) -> None:
        (ref,) = node.operands
        read = [self._read(ref.node, row) for row in ref.rows.array.tolist()]
        whole, parts = int(self.graph[ref.node].shape.last), []  # type: ignore[arg-type]
        for rows in _by([(self.narrow[one[0]][0], one[1]) if isinstance(one, tuple) else one for one in read]):
            own = taken(node, Rows(rows))
            assert isinstance(own, Operator)
            at = [one[0] for r in rows.tolist() if isinstance(one := read[r], tuple)]
            kept = tuple(self.left[place] for place in at) or ((),) * len(rows)
            source = own.operands[0]
            if at:
                source = Ref(self.narrow[at[0]][0], Rows([self.narrow[place][1] for place in at]))
            first = read[rows[0]]
            if first == "nothing" or (not kept[0] and at):
                source = self._nothing(own)
            elif isinstance(first, tuple) and first[1] is not None:
                source = self._pooled(first[1], source, own, len(kept[0]))
            options = own.options if first == "other" else {**own.options, "·columns": (whole, kept)}
            parts.append((rows, self._fresh(replace(own, operands=(source,), options=options))))
        self.nodes[key] = _merged(node, parts)

    def _nothing(self, reader: Operator) -> Ref:
        """What a layer reads that no column is left for."""
        made = Constant(index=reader.index, shape=vector(0), phase="compile", span=reader.span,
                        values=np.zeros((len(reader.index), 0)))  # fmt: skip
        return Ref(self._fresh(made), Rows.all(len(reader.index)))

    def _pooled(self, key: int, table: Ref, reader: Operator, m: int) -> Ref:
        pool = self.graph[key]
        assert isinstance(pool, Operator)
        made = replace(pool, index=reader.index, shape=vector(m), operands=(table,))
        return Ref(self._fresh(made), Rows.all(len(table.rows)))


def _by(groups: Sequence[Hashable]) -> list[IntArray]:
    """The rows of every group, in the order of their first row."""
    return [
        np.array([k for k, own in enumerate(groups) if own == one], dtype=np.int64) for one in dict.fromkeys(groups)
    ]


def _places(kept: Sequence[Columns], whole: int) -> tuple[tuple[int, ...], ...]:
    """For every row, where each of `whole` numbers stands among those that are left; one behind the last if it is not."""
    places = {row: {column: k for k, column in enumerate(row)} for row in set(kept)}
    return tuple(tuple(places[row].get(column, len(row)) for column in range(whole)) for row in kept)


def _merged(node: Node, parts: Sequence[tuple[IntArray, int]]) -> Merge:
    source_of = np.zeros(len(node.index), dtype=np.int64)
    for k, (rows, _) in enumerate(parts):
        source_of[rows] = k
    sources = tuple(Ref(made, Rows.all(len(rows))) for rows, made in parts)
    return Merge(index=node.index, shape=node.shape, phase="run", place=node.place, span=node.span,
                 sources=sources, source_of=Rows(source_of))  # fmt: skip

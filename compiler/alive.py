"""What of a table can have any effect, once what is decided for values is settled.

A number of row v that every reader multiplies by something that is 0 for v, at once or after layers that compute each example
by itself, changes no prediction. So a derived model need not store it. V ids, n width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compression import FULL
from .decisions import Decision
from .gated import Settled, begins
from .ir import Constant, DecisionNode, Graph, Input, Merge, Node, Operator, Output, Reduce, Ref, Select, operands
from .passes.tables import LOOKED_UP
from .schema import Column
from .search_phase import ON_NUMBERS

Mask = NDArray[np.bool_]
Blocks = Callable[[str, int, str], NDArray[np.int64]]
DEEPEST = 200
"""Nodes that a path is followed through; what lies beyond is taken to be read."""


class Alive:
    """`rows_of` tells how many rows a column of ids needs, the unknown value's first; `blocks` the frequency block of every
    id of a field, in so many blocks, counted over what."""

    def __init__(self, graph: Graph, settled: Settled, rows_of: Callable[[Column], int], blocks: Blocks) -> None:
        self._graph, self._settled, self._rows_of, self._blocks = graph, settled, rows_of, blocks
        self._known: dict[tuple[int, int, Column], Mask | None] = {}
        self._any = any(_tells_values_apart(node, settled) for _, node in graph.items())

    def table(self, key: int, row: int) -> Mask | None:
        """Which numbers of what a row of a look-up reads are alive: [V, n]; None where all may be."""
        node = self._graph[key]
        assert isinstance(node, Operator)
        column = self.column(node.operands[0], row)
        if column is None or not self._any:
            return None
        width = 1 if node.operator == "weight" else int(node.shape.last)  # type: ignore[arg-type]
        found = np.zeros((self._rows_of(column), width), dtype=bool)
        for consumer in self._graph.consumers(key):
            for own, factor in self._uses(consumer, key, row, column):
                beyond = self._alive(consumer, own, column, 0)
                if factor is None and beyond is None:
                    return None
                there = np.ones_like(found) if factor is None else _wide(factor, width)
                found |= there if beyond is None else there & beyond[:, None]
        return found

    def column(self, ids: Ref, row: int) -> Column | None:
        """The ids that a row reads; None where it reads something else, or takes rare values for unknown ones."""
        source = self._graph[ids.node]
        column = source.columns[int(ids.rows.array[row])] if isinstance(source, Input) else None
        return column if column is not None and column.what == "id" and column.min_count <= 1 else None

    def _alive(self, key: int, row: int, column: Column, depth: int) -> Mask | None:
        """For which ids of a column a row of a node can have any effect: [V]; None: for all."""
        place = (key, row, column)
        if place not in self._known:
            self._known[place] = self._found(key, row, column, depth)
        return self._known[place]

    def _found(self, key: int, row: int, column: Column, depth: int) -> Mask | None:
        node = self._graph[key]
        if isinstance(node, Output) or depth > DEEPEST or node.index.runs or self._mixes(key, node):
            return None
        found = np.zeros(self._rows_of(column), dtype=bool)
        for consumer in self._graph.consumers(key):
            for own, factor in self._uses(consumer, key, row, column):
                beyond = self._alive(consumer, own, column, depth + 1)
                if factor is None and beyond is None:
                    return None
                there = np.ones_like(found) if factor is None else factor.reshape(len(factor), -1).any(1)
                found |= there if beyond is None else there & beyond
        return found

    def _mixes(self, key: int, node: Node) -> bool:
        """Whether several elements of an example have come together, of which one alone may be 0."""
        (*sources,) = (self._graph[ref.node].shape.kind for ref in operands(node))
        return "sequence" in sources and node.shape.kind != "sequence"

    def _uses(self, consumer: int, key: int, row: int, column: Column) -> Iterator[tuple[int, Mask | None]]:
        """The rows of a consumer that read a row of a node; and where what they multiply it by is not 0: [V, *shape]."""
        node = self._graph[consumer]
        match node:
            case Operator(operator="*", operands=(left, right)):
                for own, other in ((left, right), (right, left)):
                    for at in _places(own, key, row):
                        value = self.value(other.node, int(other.rows.array[at]), column)
                        yield at, None if value is None else value != 0
            case Select():
                for at in _places(node.subject, key, row):
                    yield at, None
                for label, one in zip(node.labels, node.alternatives, strict=True):
                    for at in _places(one, key, row):
                        option = self._option(node.subject, at, column)
                        yield at, None if option is None else option == label
            case Reduce(segments=None, weights=None):
                for block in node.blocks:
                    for at in _places(block.ref, key, row):
                        yield at // block.count, None
            case Merge():
                for k, source in enumerate(node.sources):
                    rows = np.flatnonzero(node.source_of.array == k)
                    yield from ((int(rows[at]), None) for at in _places(source, key, row))
            case Operator() | Output():
                for ref in operands(node):
                    yield from ((at, None) for at in _places(ref, key, row))
            case _:
                for ref in operands(node):
                    if _places(ref, key, row):
                        yield from ((at, None) for at in range(len(node.index)))
                        return

    # -- what is decided, for every id --------------------------------------------------------------------------

    def value(self, key: int, row: int, column: Column) -> NDArray[Any] | None:
        """What a row of a node is for every id of a column, [V, *shape], where settled decisions alone say it."""
        node = self._graph[key]
        match node:
            case Constant(values=values):
                return np.broadcast_to(values[row], (self._rows_of(column), *values[row].shape))
            case Operator(operator="lookup"):
                return self._gates(node, row, column)
            case Operator(operator="block", operands=(ids,)):
                same = self.column(ids, row) == column
                options = node.options
                return self._blocks(column.fields[0], int(options["blocks"]), str(options["over"])) if same else None
            case Operator(operator="pick", operands=(at, *alternatives)):
                return self._picked(self.value(at.node, int(at.rows.array[row]), column), alternatives, row, column)
            case Operator(operator="expect", operands=(one,)):
                option = self._option(one, row, column)
                return None if option is None else np.asarray(node.options["table"])[row][option]
            case Operator(operator="option_weight", operands=(one,)):
                option = self._option(one, row, column)
                return None if option is None else option == node.options["option"]
            case Operator(operator=operator) if operator in ON_NUMBERS:
                found = [self.value(o.node, int(o.rows.array[row]), column) for o in node.operands]
                if any(f is None for f in found):
                    return None
                made: NDArray[np.float64] = np.frompyfunc(ON_NUMBERS[operator], len(found), 1)(*found).astype(float)
                return made
            case Select():
                return self._selected(node, row, column)
            case Reduce(operator="vector", blocks=(block,), segments=None, weights=None):
                rows = block.ref.rows.array[row * block.count : (row + 1) * block.count]
                parts = [self.value(block.ref.node, int(r), column) for r in rows]
                return None if any(p is None for p in parts) else np.stack(parts, 1)  # type: ignore[arg-type]
            case _:
                return None

    def _selected(self, node: Select, row: int, column: Column) -> NDArray[Any] | None:
        option = self._option(node.subject, row, column)
        parts = [self.value(one.node, int(one.rows.array[row]), column) for one in node.alternatives]
        if option is None or any(p is None for p in parts):
            return None
        found = np.zeros_like(parts[0])
        for label, part in zip(node.labels, parts, strict=True):
            found[option == label] = part[option == label]  # type: ignore[index]
        return found

    def _picked(
        self, block_V: NDArray[Any] | None, alternatives: Sequence[Ref], row: int, column: Column
    ) -> NDArray[Any] | None:
        """Of every id what stands for its block, from 1; see `picked` of the generated modules."""
        parts = [self.value(one.node, int(one.rows.array[row]), column) for one in alternatives]
        if block_V is None or any(p is None for p in parts):
            return None
        at_V = np.maximum(block_V.astype(np.int64) - 1, 0)
        found: NDArray[Any] = np.stack(parts)[at_V, np.arange(len(at_V))]  # type: ignore[arg-type]
        return found

    def _decided(self, node: Operator, row: int, column: Column) -> Decision | None:
        """The settled decision that a look-up reads by a column."""
        family, ids = node.operands[:2]
        source = self._graph[family.node]
        source = self._graph[source.blocks[0].ref.node] if isinstance(source, Reduce) else source
        if not isinstance(source, DecisionNode) or source.name not in self._settled:
            return None
        return self._graph.decision(source.name) if self.column(ids, row) == column else None

    def _gates(self, node: Operator, row: int, column: Column) -> NDArray[Any] | None:
        """Gates of every id, [V] or [V, n]; those of a value never seen are off."""
        decision = self._decided(node, row, column)
        if decision is None or decision.domains[0].kind != "gate":
            return None
        start, rows = np.atleast_1d(begins(self._graph, node.operands[0])[row]), self._rows_of(column)
        found = np.zeros((rows, len(start)), dtype=bool)
        found[1:] = self._settled[decision.name][np.arange(rows - 1)[:, None] + start]
        return found if node.shape.dims else found[:, 0]

    def _option(self, ref: Ref, at: int, column: Column) -> NDArray[Any] | None:
        """The position of the option that is taken for every id; a value never seen has the smallest number."""
        node, row = self._graph[ref.node], int(ref.rows.array[at])
        decision = (
            self._decided(node, row, column) if isinstance(node, Operator) and node.operator == "lookup" else None
        )
        if decision is None or decision.domains[0].kind == "gate":
            return None
        assert isinstance(node, Operator)
        start = int(begins(self._graph, node.operands[0])[row])
        options = self._settled[decision.name][start : start + self._rows_of(column) - 1]
        return np.concatenate([[decision.domains[0].unseen], options.astype(np.int64)])


def _tells_values_apart(node: Node, settled: Settled) -> bool:
    return (isinstance(node, DecisionNode) and node.name in settled) or (
        isinstance(node, Operator) and node.operator == "block"
    )


def _places(ref: Ref, key: int, row: int) -> list[int]:
    return np.flatnonzero(ref.rows.array == row).tolist() if ref.node == key else []


def _wide(mask: Mask, width: int) -> Mask:
    """[V] or [V, n] → [V, n]."""
    return np.broadcast_to(mask.reshape(len(mask), -1), (len(mask), width))


def looked_up_in(graph: Graph) -> Iterator[tuple[int, Operator]]:
    """The look-ups in tables of ids that have a row for each."""
    for key, node in graph.items():
        if not (isinstance(node, Operator) and node.operator in LOOKED_UP and node.keys):
            continue
        if node.options.get("table", FULL) == FULL:
            yield key, node

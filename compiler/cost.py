"""What a derived model costs: parameters, bytes, operations – counted on the graph, without building the model.

A graph with decisions is counted under an architecture: as if those were constants. Weights that several nodes share
count once. Padding and the row of the unknown value do not count, nor do entries that gates switch off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .checks import numbers
from .compression import FULL
from .decisions import Architecture, opened
from .evaluate import elements_of, merged
from .frequencies import blocks_of
from .gated import begins
from .ir import DecisionNode, Graph, Input, Learned, Merge, Node, Operator, Reduce, Ref, Select
from .layers import table_rows
from .liveness import Liveness
from .passes.tables import LOOKED_UP
from .promise import Promises
from .schema import Schema
from .search_phase import ON_NUMBERS
from .shapes import Shape

Measure = Literal["parameters", "memory", "flops"]
BYTES = 4
IDS = ("id", "bucket", "cross")
"""Columns whose values have rows of a table."""
ARITHMETIC = ("+", "-", "*", "/", "^", "negate", "max", "min", "pool")


@dataclass(frozen=True, slots=True)
class Table:
    """One weight: rows × width numbers, `kept` of them not switched off; `sparse` where what is kept needs indices."""

    rows: int
    width: int
    kept: int
    sparse: bool = False
    number_bytes: int = BYTES
    row_bytes: int = 0

    @property
    def parameters(self) -> int:
        """The numbers that are stored."""
        return self.kept if self.number_bytes else 0

    @property
    def bytes(self) -> int:
        """float32 usually; sparse: int32 row starts and one byte for each column index, where that is smaller."""
        full = BYTES * self.rows * self.width if self.sparse else self.number_bytes * self.kept
        full += self.row_bytes * self.rows
        return min(full, self.kept * (BYTES + 1) + 4 * (self.rows + 1)) if self.sparse else full


def cost(
    measure: Measure, graph: Graph, schema: Schema, promises: Promises, architecture: Architecture | None = None, *,
    scope: Sequence[Ref] = (),
) -> int:  # fmt: skip
    """Parameters, bytes, or additions and multiplications for one example, of all that `scope` reads (nothing given:
    that the prediction reads). `architecture`: None for a graph without decisions."""
    return Costs(graph, schema, promises, architecture).measure(measure, scope)


@dataclass(eq=False)
class Costs:
    """Counts one graph under one architecture."""

    graph: Graph
    schema: Schema
    promises: Promises
    architecture: Architecture | None = None
    needed: Liveness = field(init=False)

    def __post_init__(self) -> None:
        self.needed = Liveness(self.graph, self.promises, self.architecture)

    def measure(self, measure: Measure, scope: Sequence[Ref] = ()) -> int:
        """The cost of what some rows read."""
        live = self.needed.live(scope)
        if measure == "flops":
            return sum(self._flops(self.needed.nodes[key], row) for key, rows in live.items() for row in sorted(rows))
        tables = self.tables(live)
        return sum(t.parameters if measure == "parameters" else t.bytes for t in tables.values())

    def by_node(self) -> dict[int, tuple[int, int]]:
        """Parameters and operations of every node that the prediction reads. A weight that several nodes share counts at
        the first of them."""
        found: dict[int, tuple[int, int]] = {}
        seen: set[tuple[Any, ...]] = set()
        live = self.needed.live(())
        for key, rows in sorted(live.items()):
            node = self.needed.nodes[key]
            parameters = 0
            for row in sorted(rows):
                own = {identity: table.parameters for identity, table in self._weights(key, node, row, live)}
                parameters += sum(kept for identity, kept in own.items() if identity not in seen)
                seen |= own.keys()
            found[key] = parameters, sum(self._flops(node, row) for row in rows)
        return found

    # -- weights -----------------------------------------------------------------------------------------

    def tables(self, live: Mapping[int, set[int]]) -> dict[tuple[Any, ...], Table]:
        """Every weight that live rows have, by its identity; shared ones once, at their largest."""
        found: dict[tuple[Any, ...], Table] = {}
        for key, rows in live.items():
            node = self.needed.nodes[key]
            for row in sorted(rows):
                for identity, table in self._weights(key, node, row, live):
                    known = found.get(identity)
                    if known is None or known.kept < table.kept:
                        found[identity] = table
        return found

    def _weights(
        self, key: int, node: Node, row: int, live: Mapping[int, set[int]]
    ) -> Iterator[tuple[tuple[Any, ...], Table]]:
        match node:
            case Learned():
                n = numbers(node.shape)
                yield (node.name, node.index.keys[row]), Table(1, n, n)
            case Operator() if node.operator in self.promises.operators and (node.layer or node.operator in LOOKED_UP):
                shapes, options = self.concrete(node, row)
                own = node.keys[row] if node.keys else ()
                column = self._column(node, row)
                place = (node.layer, node.part, own, column.key if column is not None else "")
                rows = table_rows(self.schema, column) if column is not None else 1
                unknown = column is not None and column.what in IDS
                for weight in self.promises.operators[node.operator].weights(shapes, {**options, "rows": rows}):
                    dims = [int(d) for d in weight.shape]  # type: ignore[arg-type]
                    if node.operator == "linear" and weight.rows is not None and shapes[0].kind == "vector":
                        # What is zero for every example needs no row.
                        first = node.operands[0]
                        at = int(first.rows.array[row])
                        left = (
                            self._columns_left(first.node, at, live) if len(set(node.keys)) == len(node.index) else None
                        )
                        dims[weight.rows] = self.needed.width((first.node, at)) if left is None else left
                    width = dims[-1] if dims else 1
                    count = int(np.prod(dims[:-1], dtype=np.int64)) - (unknown and weight.unknown)
                    full = Table(count, width, count * width, False, weight.number_bytes, weight.row_bytes)
                    whole = not unknown or options.get("table", FULL) != FULL
                    yield (*place, weight.name), full if whole else self._masked(key, row, full, live)
            case _:
                return

    def _column(self, node: Operator, row: int) -> Any:
        if node.operator not in LOOKED_UP or not node.operands:
            return None
        source = self.needed.nodes[node.operands[0].node]
        return source.columns[int(node.operands[0].rows.array[row])] if isinstance(source, Input) else None

    def concrete(self, node: Operator, row: int) -> tuple[tuple[Shape, ...], dict[str, Any]]:
        """The shapes of a row's operands and its options, searched widths settled."""
        shapes = tuple(self.needed.shape(self.needed.nodes[r.node], int(r.rows.array[row])) for r in node.operands)
        options = {
            k: int(self.needed.evaluator.at(o, row)) if isinstance(o, Ref) else o for k, o in node.options.items()
        }
        return shapes, options

    # -- masks -------------------------------------------------------------------------------------------

    def _masked(self, key: int, row: int, full: Table, live: Mapping[int, set[int]]) -> Table:
        """What gates leave of a table: columns where every consumer multiplies by a vector of them, single entries
        where that is looked up by the value."""
        masks = []
        for consumer in self.graph.consumers(key):
            node = self.needed.nodes[consumer]
            if not live.get(consumer):
                continue
            if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
                return full
            for own, other in (node.operands, node.operands[::-1]):
                if own.node == key:
                    for at in np.flatnonzero(own.rows.array == row).tolist():
                        mask = self._mask(other, at) if at in live[consumer] else None
                        if at in live[consumer]:
                            masks.append(mask)
        if not masks or any(m is None or m.shape[-1] not in (1, full.width) for m in masks):
            return full
        kept = np.zeros((1, full.width), dtype=bool)
        for mask in masks:
            kept = kept | mask
        if kept.shape[0] == 1:
            return Table(full.rows, int(kept.sum()), full.rows * int(kept.sum()))
        return full if kept.shape[0] != full.rows else Table(full.rows, full.width, int(kept.sum()), sparse=True)

    def _columns_left(self, key: int, row: int, live: Mapping[int, set[int]]) -> int | None:
        """The columns that gates leave of a table which a layer reads through a product with them (`passes/columns.py`);
        None where it reads something else."""
        node = self.needed.nodes[key]
        if isinstance(node, Merge):
            return self._columns_left(*merged(node, row), live)
        if isinstance(node, Operator) and node.operator == "pool":
            return self._columns_left(node.operands[0].node, int(node.operands[0].rows.array[row]), live)
        if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
            return None
        for table, other in (node.operands, node.operands[::-1]):
            reader, at = self.needed.nodes[table.node], int(table.rows.array[row])
            mask = self._mask(other, row) if self.needed.settled(other) else None
            if isinstance(reader, Operator) and reader.operator == "embed" and reader.keys and mask is not None:
                full = Table(1, int(node.shape.last), int(node.shape.last))  # type: ignore[arg-type]
                column = self._column(reader, at)
                if column is None or column.what not in IDS:
                    return None
                left = self._masked(table.node, at, full, live)
                return int(mask.sum()) if mask.shape == (1, full.width) and left.width == int(mask.sum()) else None
        return None

    def _mask(self, ref: Ref, k: int) -> Any:
        """[1, width] or [values, width] (or width 1): which entries a factor leaves; None where it is no gate."""
        node, row = self.needed.nodes[ref.node], int(ref.rows.array[k])
        if self.needed.settled(ref):
            value = self.needed.evaluator.row(ref.node, row)
            return np.array([value if isinstance(value, tuple) else (value,)], dtype=float) != 0
        if isinstance(node, Operator) and node.operator == "lookup":
            family = node.operands[0]
            own = self.needed.nodes[family.node]
            at = int(family.rows.array[row])
            plain = self._plain_mask(family, row)
            if plain is not None:
                return plain
            if own.phase != "run" and own.index.values:
                values = [
                    self.needed.evaluator.row(family.node, at, v)
                    for v in self.needed.evaluator.values_of(own.index.values[at])
                ]
                return np.array([v if isinstance(v, tuple) else (v,) for v in values], dtype=float) != 0
        if isinstance(node, Operator) and node.operator == "pick":
            return self._picked(node, row)
        of_values = self._of_values(ref, k)
        return None if of_values is None else of_values.reshape(-1, 1) != 0

    def _picked(self, node: Operator, row: int) -> Any:
        """The same where settled gates are picked by frequency block: those of every value that is known."""
        at, *alternatives = node.operands
        block_V = self._of_values(at, row)
        if block_V is None or not all(self.needed.settled(one) for one in alternatives):
            return None
        values = [self.needed.evaluator.row(one.node, int(one.rows.array[row])) for one in alternatives]
        options = np.array([v if isinstance(v, tuple) else (v,) for v in values], dtype=float)
        return options[np.maximum(block_V.astype(np.int64) - 1, 0)] != 0

    def _of_values(self, ref: Ref, k: int) -> Any:
        """[values]: what frequency blocks and settled numbers make, for every value that is known; None for anything else."""
        node, row = self.needed.nodes[ref.node], int(ref.rows.array[k])
        if self.needed.settled(ref):
            return np.array([self.needed.evaluator.row(ref.node, row)], dtype=float)
        if not isinstance(node, Operator):
            return None
        source = self.needed.nodes[node.operands[0].node]
        if node.operator == "block" and isinstance(source, Input):
            name = source.columns[int(node.operands[0].rows.array[row])].fields[0]
            return blocks_of(self.schema, name, int(node.options["blocks"]), str(node.options["over"]))[1:]
        parts = [self._of_values(o, row) for o in node.operands] if node.operator in ON_NUMBERS else [None]
        if any(part is None for part in parts):
            return None
        return np.frompyfunc(ON_NUMBERS[node.operator], len(parts), 1)(*parts).astype(float)

    def _plain_mask(self, family: Ref, row: int) -> Any:
        """The same of gates of one decision that always exist, without a look at each: None where there is more to it."""
        own = self.needed.nodes[family.node]
        if isinstance(own, Reduce) and own.operator == "vector" and len(own.blocks) == 1:
            own = self.needed.nodes[own.blocks[0].ref.node]
        if not (isinstance(own, DecisionNode) and own.index.values and own.exists is None):
            return None
        decision = self.graph.decision(own.name)
        if not decision.counts or self.architecture is None:
            return None
        starts = np.atleast_1d(begins(self.graph, family)[row])
        first = int(np.searchsorted(np.cumsum(decision.counts), starts[0], side="right"))
        at = np.arange(decision.counts[first])[:, None] + starts
        return opened(self.architecture[own.name])[at]

    # -- operations --------------------------------------------------------------------------------------

    def _flops(self, node: Node, row: int) -> int:
        match node:
            case Operator() if node.phase == "run":
                shapes, options = self.concrete(node, row)
                positions = self._positions(node, row) if any(s.kind == "sequence" for s in shapes) else 1
                if node.operator in self.promises.operators:
                    rows = table_rows(self.schema, column) if (column := self._column(node, row)) is not None else 1
                    return positions * self.promises.operators[node.operator].flops(shapes, {**options, "rows": rows})
                if node.operator == "@":
                    return 2 * numbers(shapes[0]) * int(shapes[1].last)  # type: ignore[arg-type]
                return positions * max(map(numbers, shapes), default=0) if node.operator in ARITHMETIC else 0
            case Reduce() if node.phase == "run" and node.operator in ("sum", "mean", "max", "min", "product"):
                return len(elements_of(node, row)) * numbers(node.shape)
            case _:
                return 0

    def _positions(self, node: Node, row: int) -> int:
        """The most elements of the sequences that a row reads."""
        match node:
            case Input():
                fields = [self.schema.field(f) for f in node.columns[row].fields]
                return max((f.longest for f in fields), default=1) or 1
            case Operator() | Merge() | Select() | Reduce():
                return max(
                    (self._positions(self.needed.nodes[k], r) for k, r in self.needed.reads(node, row)), default=1
                )
            case _:
                return 1

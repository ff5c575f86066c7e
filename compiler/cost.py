"""What a derived model costs: parameters, bytes, operations – counted on the graph, without building the model.

A graph with decisions is counted under an architecture: as if those were constants. Weights that several nodes share
count once. Padding and the row of the unknown value do not count, nor do entries that gates switch off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from .architectures import hand_made
from .checks import numbers
from .decisions import Architecture, Decision
from .evaluate import Evaluator, elements_of, merged, scalar, settles
from .ir import Cost, DecisionNode, Graph, Input, Learned, Merge, Node, Operator, Output, Reduce, Ref, Select
from .layers import table_rows
from .passes.tables import LOOKED_UP
from .promise import Promises
from .schema import Schema
from .shapes import Searched, Shape

Measure = Literal["parameters", "memory", "flops"]
BYTES = 4
Row = tuple[int, int]
ARITHMETIC = frozenset({"+", "-", "*", "/", "^", "negate", "max", "min", "pool", "over_sum", "over_mean", "over_max", "over_min", "over_product"})


@dataclass(frozen=True, slots=True)
class Table:
    """One weight: rows × width numbers, `kept` of them not switched off; `sparse` where what is kept needs indices."""

    rows: int
    width: int
    kept: int
    sparse: bool = False

    @property
    def bytes(self) -> int:
        """float32; sparse: int32 row starts and one byte for each column index, where that is smaller."""
        full = BYTES * self.rows * self.width if self.sparse else BYTES * self.kept
        return min(full, self.kept * (BYTES + 1) + 4 * (self.rows + 1)) if self.sparse else full


def widest(graph: Graph) -> Architecture:
    """Every gate on, every number and set at its largest; names and alternatives at their default."""

    def largest(decision: Decision, element: int, default: Any) -> Any:
        domain = decision.domain(element)
        match domain.kind:
            case "gate":
                return domain.options.index("on")
            case "number":
                return max(range(len(domain.options)), key=lambda k: domain.options[k])
            case "range":
                return int(domain.high) - int(domain.low)
            case "real":
                return domain.high
            case "subset":
                return tuple(range(int(domain.high)))
            case _:
                return default

    plain = hand_made(graph)
    return {d.name: tuple(largest(d, 0 if d.per_value else e, x) for e, x in enumerate(plain[d.name])) for d in graph.decisions}


def cost(
    measure: Measure, graph: Graph, schema: Schema, promises: Promises, architecture: Architecture | None = None, *,
    scope: Sequence[Ref] = (),
) -> int:  # fmt: skip
    """Parameters, bytes, or additions and multiplications for one example, of all that `scope` reads (nothing given:
    that the prediction reads). `architecture`: None for a graph without decisions."""
    return Costs(graph, schema, promises, architecture).measure(measure, scope)


def meets(graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> bool:
    """Whether an architecture meets the requirements on costs (latency is never counted, and never refuses)."""
    evaluator = CostEvaluator(graph, schema, promises, architecture)
    for key in graph.outputs:
        node = graph[key]
        if isinstance(node, Output) and node.role == "constraint":
            measured = [n.measure for k in graph.ancestors([key]) if isinstance(n := graph[k], Cost)]
            if measured and "latency" not in measured:
                for row in node.value.rows.array.tolist():
                    met = evaluator.row(node.value.node, row)
                    if met is not None and not met:
                        return False
    return True


class CostEvaluator(Evaluator):
    """Evaluates conditions that read costs as well."""

    def __init__(self, graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> None:
        super().__init__(graph, architecture, strict=True)
        self.costs = Costs(graph, schema, promises, architecture)
        self._widest: Costs | None = None

    def _value(self, node: Node, row: int, value: int | None) -> Any:
        if not isinstance(node, Cost) or node.measure == "latency":
            return super()._value(node, row, value)
        found = self.costs.measure(node.measure, node.scope)
        if not node.relative:
            return found
        if self._widest is None:
            self._widest = Costs(self.graph, self.costs.schema, self.costs.promises, widest(self.graph))
        whole = self._widest.measure(node.measure, node.scope)
        return scalar("/", [found, whole]) if whole else 0


@dataclass(eq=False)
class Costs:
    """Counts one graph under one architecture."""

    graph: Graph
    schema: Schema
    promises: Promises
    architecture: Architecture | None = None
    _evaluator: Evaluator = field(init=False)
    _nodes: Mapping[int, Node] = field(init=False)
    _order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._evaluator = Evaluator(self.graph, self.architecture or {}, strict=False)
        self._nodes = dict(self.graph.items())
        self._order = list(self._nodes)

    def measure(self, measure: Measure, scope: Sequence[Ref] = ()) -> int:
        """The cost of what some rows read."""
        live = self.live(scope)
        if measure == "flops":
            return sum(self._flops(self._nodes[key], row) for key, rows in live.items() for row in sorted(rows))
        tables = self.tables(live)
        return sum(t.kept if measure == "parameters" else t.bytes for t in tables.values())

    # -- what is needed ----------------------------------------------------------------------------------

    def live(self, scope: Sequence[Ref]) -> dict[int, set[int]]:
        """The rows of run-phase nodes that the scope reads, where decisions are settled."""
        found: dict[int, set[int]] = {}
        if scope:
            for ref in scope:
                found.setdefault(ref.node, set()).update(ref.rows.array.tolist())
        else:
            for key, node in self._nodes.items():
                if isinstance(node, Output) and node.role == "predict":
                    found[key] = set(range(len(node.value.rows)))
        for key in reversed(self._order):
            node = self._nodes[key]
            if node.phase == "search" and not isinstance(node, DecisionNode):
                found.pop(key, None)
            for row in sorted(found.get(key, ())):
                for other, at in self._reads(node, row):
                    found.setdefault(other, set()).add(at)
        return found

    def _reads(self, node: Node, row: int) -> Iterator[Row]:
        def at(ref: Ref, k: int) -> Row:
            return ref.node, int(ref.rows.array[k])

        match node:
            case Operator(operator="*") if any(self._zero(r, row) for r in node.operands):
                return
            case Operator():
                yield from (at(r, row) for r in node.operands)
            case Select() if not self._settled(node.subject):
                yield from (at(r, row) for r in (node.subject, *node.alternatives))
            case Select():
                yield self._taken(node, row)
            case Reduce():
                for position, (ref, k) in enumerate(elements_of(node, row)):
                    weight = node.weights and (node.weights, k if len(node.blocks) == 1 else position)
                    if weight is None or not self._settled(weight[0]) or self._evaluator.at(*weight):
                        yield at(ref, k)
            case Merge():
                yield merged(node, row)
            case Output():
                yield at(node.value, row)
            case DecisionNode() if node.given is not None:
                yield at(node.given, row)
            case _:
                return

    def _settled(self, ref: Ref) -> bool:
        """Whether an operand is known once decisions are: neither of the run phase nor indexed by values."""
        node = self._nodes[ref.node]
        return node.phase != "run" and not node.index.values and not node.index.elements

    def _zero(self, ref: Ref, row: int) -> bool:
        if not self._settled(ref) or (isinstance(node := self._nodes[ref.node], DecisionNode) and node.given is not None):
            return False
        value = self._evaluator.at(ref, row)
        return not any(value) if isinstance(value, tuple) else value is not None and value == 0

    def _taken(self, node: Select, row: int) -> Row:
        subject = self._evaluator.at(node.subject, row)
        for label, alternative in zip(node.labels, node.alternatives, strict=True):
            if settles(subject, label):
                return alternative.node, int(alternative.rows.array[row])
        raise AssertionError("a select covers its subject")

    # -- weights -----------------------------------------------------------------------------------------

    def tables(self, live: Mapping[int, set[int]]) -> dict[tuple[Any, ...], Table]:
        """Every weight that live rows have, by its identity; shared ones once, at their largest."""
        found: dict[tuple[Any, ...], Table] = {}
        for key, rows in live.items():
            node = self._nodes[key]
            for row in sorted(rows):
                for identity, table in self._weights(key, node, row, live):
                    known = found.get(identity)
                    if known is None or known.kept < table.kept:
                        found[identity] = table
        return found

    def _weights(self, key: int, node: Node, row: int, live: Mapping[int, set[int]]) -> Iterator[tuple[tuple[Any, ...], Table]]:
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
                unknown = column is not None and column.what in ("id", "bucket", "cross")
                for weight in self.promises.operators[node.operator].weights(shapes, {**options, "rows": rows}):
                    dims = [int(d) for d in weight.shape]  # type: ignore[arg-type]
                    width = dims[-1] if dims else 1
                    count = int(np.prod(dims[:-1], dtype=np.int64)) - unknown
                    full = Table(count, width, count * width)
                    yield (*place, weight.name), self._masked(key, row, full, live) if column is not None else full
            case _:
                return

    def _column(self, node: Operator, row: int) -> Any:
        if node.operator not in LOOKED_UP or not node.operands:
            return None
        source = self._nodes[node.operands[0].node]
        return source.columns[int(node.operands[0].rows.array[row])] if isinstance(source, Input) else None

    def concrete(self, node: Operator, row: int) -> tuple[tuple[Shape, ...], dict[str, Any]]:
        """The shapes of a row's operands and its options, searched widths settled."""
        shapes = tuple(self._shape(self._nodes[r.node], int(r.rows.array[row])) for r in node.operands)
        options = {k: int(self._evaluator.at(o, row)) if isinstance(o, Ref) else o for k, o in node.options.items()}
        return shapes, options

    def _shape(self, node: Node, row: int) -> Shape:
        if not node.shape.searched:
            return node.shape
        dims = list(node.shape.dims)
        for k, dim in enumerate(dims):
            width = node.widths[k] if isinstance(dim, Searched) else None
            if width is not None:
                dims[k] = int(self._evaluator.at(width, row))
        return replace(node.shape, dims=tuple(dims))

    # -- masks -------------------------------------------------------------------------------------------

    def _masked(self, key: int, row: int, full: Table, live: Mapping[int, set[int]]) -> Table:
        """What gates leave of a table: columns where every consumer multiplies by a vector of them, single entries
        where that is looked up by the value."""
        masks = []
        for consumer in self.graph.consumers(key):
            node = self._nodes[consumer]
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

    def _mask(self, ref: Ref, k: int) -> Any:
        """[1, width] or [values, width] (or width 1): which entries a factor leaves; None where it is no gate."""
        node, row = self._nodes[ref.node], int(ref.rows.array[k])
        if self._settled(ref):
            value = self._evaluator.row(ref.node, row)
            return np.array([value if isinstance(value, tuple) else (value,)], dtype=float) != 0
        if isinstance(node, Operator) and node.operator == "lookup":
            family = node.operands[0]
            own = self._nodes[family.node]
            at = int(family.rows.array[row])
            if own.phase != "run" and own.index.values:
                values = [self._evaluator.row(family.node, at, v) for v in self._evaluator.values_of(own.index.values[at])]
                return np.array([v if isinstance(v, tuple) else (v,) for v in values], dtype=float) != 0
        return None

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
                return max((self._positions(self._nodes[k], r) for k, r in self._reads(node, row)), default=1)
            case _:
                return 1

"""Which tensors a graph needs, and which logical weight stands where in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import Part, Slice, Tensor
from .frequencies import blocks_of
from .gated import BlockGates, Settled, gated
from .ir import DecisionNode, Graph, Learned, Operator
from .kept import Keeping, Kept
from .known import Known
from .levels import upper_level
from .packed import packed_tables
from .passes.tables import LOOKED_UP, Laid
from .promise import Buffer, Initial, Promises, Weight, no_buffers
from .promise import Operator as Promise
from .schema import Column, Schema
from .segments import Chosen, Segment, segments
from .shapes import Shape, fixed

ID = ("id", "bucket", "cross")


@dataclass
class Layer:
    """The tensors of one place: attribute names by the weight's name, and which of their rows each key has.

    `hint`: in a plain model, the width that a layer shared by all elements of a family was met at: elements of other
    widths have weights of their own, and `compile.named_alike` finds the candidate by it. `upper`: it serves nothing
    but the logits of decisions.
    """

    attribute: str
    weights: tuple[Weight, ...]
    buffers: tuple[Buffer, ...]
    keyed: bool
    hint: str
    upper: bool = False
    keys: dict[Part, int] = field(default_factory=dict)
    shape: Shape | None = None
    names: dict[str, str] = field(default_factory=dict)
    slices: dict[str, list[Slice]] = field(default_factory=dict)


class Layers:
    """All tensors of a graph, found node by node."""

    def __init__(
        self,
        graph: Graph,
        schema: Schema,
        promises: Promises,
        plain: bool = False,
        settled: Settled | None = None,
        packed: bool = False,
    ) -> None:
        """`settled`: the options of what the model looks up by the values of an example. `packed`: tables are bytes where
        they can be, and nothing is learned any more."""
        self.packed = packed
        self.scales: dict[str, Tensor] = {}
        self._books: dict[str, int] = {}
        self.graph, self.schema, self.promises, self.plain = graph, schema, promises, plain
        self.settled = dict(settled or {})
        self.kept: dict[str, Kept] = {}
        self.known = Known(graph, schema, self.attribute)
        self._keeping: dict[str, Keeping] = {}
        self._gated = gated(graph)
        self.layers: dict[tuple[Any, ...], Layer] = {}
        self.tables: dict[str, Tensor] = {}
        self.learned: dict[str, Tensor] = {}
        self.gates: dict[str, Tensor] = {}
        self.taken: set[str] = set()
        self.of: dict[int, Layer] = {}
        upper = upper_level(graph)
        for key, node in graph.items():
            match node:
                case Operator(operator=operator) if operator in LOOKED_UP and "·laid" in node.options:
                    for laid in node.options["·laid"]:
                        self._table(key, node, laid, key in upper)
                case Operator(operator="block" | "frequency" | "current"):
                    self.known.add(key, node)
                case Operator() if node.layer:
                    self.of[key] = self._layer(node, key in upper)
                case Learned():
                    self._learned(node, key in upper)
                case DecisionNode(name=name, given=None) if plain and name not in self.gates:
                    self.gates[name] = self._gates(name)
                case _:
                    pass
        self.kept = {name: keeping.finished(name, self.attribute) for name, keeping in self._keeping.items()}
        if packed:
            self.tables, self.scales = packed_tables(self.tables, self._books, self.attribute)

    def tensors(self) -> tuple[Tensor, ...]:
        """Parameters and buffers, in the order in which the module makes them."""
        kept = [tensor for table in self.kept.values() for tensor in (table.values, *table.structure)]
        found = [
            *self.tables.values(),
            *self.scales.values(),
            *kept,
            *self.known.tensors(),
            *self.learned.values(),
            *self.gates.values(),
        ]
        for layer in self.layers.values():
            found += [self._tensor(layer, w.name, w.shape, w.initial, True) for w in layer.weights]
            start = [Initial("constant", b.initial) for b in layer.buffers]
            found += [self._tensor(layer, b.name, b.shape, i, False) for b, i in zip(layer.buffers, start, strict=True)]
        return tuple(found)

    def _tensor(self, layer: Layer, name: str, shape: tuple[Any, ...], initial: Initial, trainable: bool) -> Tensor:
        full = ((len(layer.keys),) if layer.keyed else ()) + tuple(map(int, shape))
        slices = tuple(layer.slices[name])
        return Tensor(layer.names[name], full, (_plain(initial, full),), slices, trainable, upper=layer.upper)

    def attribute(self, name: str) -> str:
        """A free Python name for a place in the text."""
        base = "".join(c if c.isalnum() and c.isascii() else "_" for c in name).strip("_").lower() or "value"
        base = f"n{base}" if base[0].isdigit() else base
        found, k = base, 2
        while found in self.taken:
            found, k = f"{base}_{k}", k + 1
        self.taken.add(found)
        return found

    # -- tables ------------------------------------------------------------------------------------------

    def rows(self, column: Column) -> int:
        return table_rows(self.schema, column)

    def _table(self, key: int, node: Operator, laid: Laid, upper: bool) -> None:
        name, weight = laid.table, laid.weight
        self._books[name] = weight.row_bytes
        width = fixed(weight.shape[-1])
        made = []
        for k, (start, rows) in enumerate(zip(laid.starts, laid.rows, strict=True)):
            stop = start + rows
            candidate, chosen = self._candidate(node, k)
            box = ((start, stop), (0, width))
            gates = self._gated.get((key, k))
            if isinstance(gates, BlockGates):
                gates = replace(gates, of=blocks_of(self.schema, gates.column, gates.blocks, gates.over))
            left = _left(node, k, (stop - start, -1))
            made.append(Slice(node.layer, weight.name, node.keys[k], candidate, (), box, chosen, left, gates))
        if "·kept" in node.options:
            keeping = self._keeping.setdefault(name, Keeping(weight.initial, width, upper))
            keeping.made.update(zip(made, node.options["·kept"], strict=True))
            return
        table = self.tables.get(name) or Tensor(
            self.attribute(name), (0, width), (weight.initial,), (), True, True, upper
        )
        slices = list(table.slices)
        for one in made:
            if one in slices:
                known = slices.index(one)
                slices[known] = _of_both(slices[known], one)
            else:
                slices.append(one)
        total = max(table.shape[0], *(one.box[0][1] for one in made))
        self.tables[name] = replace(table, shape=(total, width), slices=tuple(slices))

    def _candidate(self, node: Operator, row: int) -> tuple[str, Chosen]:
        chosen = tuple((name, int(elements.array[row]), option) for name, elements, option in node.chosen)
        return node.options.get("·candidate", ""), chosen

    def _learned(self, node: Learned, upper: bool) -> None:
        table = self.learned.get(node.name)
        shape = node.shape.fixed
        keys = [s.key for s in table.slices] if table else []
        keys += [k for k in node.index.keys if k not in keys]
        whole = tuple((0, d) for d in shape)
        slices = tuple(Slice(node.name, "value", key, "", (), ((k, k + 1), *whole)) for k, key in enumerate(keys))
        attribute = table.attribute if table else self.attribute(node.name)
        start = Initial("constant", float(node.initial)) if len(shape) == 0 else Initial("xavier")
        initial = (
            _plain(start, (len(keys), *shape))
            if not node.initial or len(shape) == 0
            else Initial("constant", float(node.initial))
        )
        # What some row of it serves the model itself is of the model itself.
        upper = upper and (table is None or table.upper)
        self.learned[node.name] = Tensor(attribute, (len(keys), *shape), (initial,), slices, upper=upper)

    def _gates(self, name: str) -> Tensor:
        """Weights of the gates that a plain model has kept, which `choices` overrides; or, of gates that it looks up, the
        options themselves. A buffer either way."""
        n = self.graph.decision(name).elements
        if name in self.settled:
            own = Slice(name, "options", (), "", (), ((0, n),))
            attribute = self.attribute(f"{name}_options")
            return Tensor(attribute, (n,), (Initial("constant", 0.0),), (own,), False, settled=self.settled[name])
        kept = Slice(name, "weights", (), "", (), ((0, n),))
        return Tensor(self.attribute(f"{name}_weights"), (n,), (Initial("constant", 1.0),), (kept,), False)

    # -- layers ------------------------------------------------------------------------------------------

    def _layer(self, node: Operator, upper: bool) -> Layer:
        promise = self.promises.operators[node.operator]
        shapes = tuple(self.graph[o.node].shape for o in node.operands)
        options: Mapping[str, Any] = {**node.options, "rows": 1} if node.operator in LOOKED_UP else node.options
        weights, buffers = promise.weights(shapes, options), promise.buffers(shapes, options)
        tensors: tuple[Weight | Buffer, ...] = (*weights, *buffers)
        keyed = bool(node.keys)
        text = node.options.get("·candidate", "")
        hint = self._hint(node, promise) if self.plain and not keyed else ""
        identity: tuple[Any, ...] = (
            node.layer,
            node.part,
            text,
            hint,
            tuple((w.name, w.shape) for w in tensors),
            keyed,
        )
        layer = self.layers.get(identity)
        if layer is not None and buffers and keyed and not set(node.keys) & set(layer.keys):
            # Statistics change in place: families that were split have tensors of their own.
            identity = (*identity, node.keys)
            layer = self.layers.get(identity)
        if layer is None:
            attribute = f"{node.layer}.{node.part}.{text}" if text else f"{node.layer}.{node.part}"
            layer = Layer(attribute, weights, buffers, keyed, hint, upper)
            layer.names = {w.name: self.attribute(f"{attribute}.{w.name}") for w in tensors}
            layer.slices = {w.name: [] for w in tensors}
            self.layers[identity] = layer
        layer.upper = layer.upper and upper
        for row, key in enumerate(node.keys or ((),)):
            known = key in layer.keys
            layer.keys.setdefault(key, len(layer.keys))
            parts = segments(self.graph, node.operands[0], row, self.promises) if node.operands else []
            for weight in tensors:
                made = self._slices(node, layer, weight, key, row, parts)
                found = layer.slices[weight.name]
                if known:
                    again = {one: one for one in made}
                    layer.slices[weight.name] = [_of_both(one, again.get(one, one)) for one in found]
                else:
                    found += made
        return layer

    def _hint(self, node: Operator, promise: Promise) -> str:
        if not node.operands:
            return ""
        source = node.operands[0].node
        if promise.buffers is not no_buffers and source in self.of:
            return self.of[source].hint
        return str(self.graph[source].shape.last)

    def _slices(
        self, node: Operator, layer: Layer, weight: Weight | Buffer, key: Part, row: int, parts: list[Segment]
    ) -> list[Slice]:
        name = f"{node.part}.{weight.name}" if node.part else weight.name
        text, chosen = self._candidate(node, row)
        text = text or layer.hint
        if not layer.keyed and node.index.keys != ((),):
            # Whichever element decides, all share the layer; unless one decides for all.
            chosen = tuple(c for c in chosen if self.graph.decision(c[0]).elements == 1)
            parts = [replace(p, chosen=()) for p in parts]
        at = ((layer.keys[key], layer.keys[key] + 1),) if layer.keyed else ()
        shape = tuple(map(int, weight.shape))  # type: ignore[arg-type]
        divided = weight.rows is not None and weight.along == -1 and sum(p.width for p in parts) == shape[weight.rows]
        if not divided or weight.rows is None:
            return [Slice(node.layer, name, key, text, (), (*at, *((0, d) for d in shape)), chosen)]
        found, start = [], 0
        for part in parts:
            if not part.width:
                continue  # of nothing there are no weights
            box = tuple((start, start + part.width) if k == weight.rows else (0, d) for k, d in enumerate(shape))
            both = ",".join(t for t in (part.candidate, text) if t)
            left = _left(node, row, (*(1 for _ in at), -1, shape[-1])) if weight.name == "weight" else None
            found.append(Slice(node.layer, name, key, both, part.path, (*at, *box), (*part.chosen, *chosen), left))
            start += part.width
        return found


def _left(node: Operator, row: int, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Which numbers of a weight are left where settled gates have narrowed a table (`passes/columns.py`): of the axis that
    is −1 those columns of the table. None where all are."""
    if "·columns" not in node.options:
        return None
    whole, kept = node.options["·columns"]
    mask = np.isin(np.arange(whole), kept[row])
    along = shape.index(-1)
    column = mask.reshape(tuple(whole if axis == along else 1 for axis in range(len(shape))))
    return np.broadcast_to(column, tuple(whole if n < 0 else n for n in shape)).copy()


def _of_both(one: Slice, other: Slice) -> Slice:
    """A weight that several elements share stays if either of them takes it, and is gated where both are alike."""
    gates = one.gates if one.gates == other.gates else None
    return replace(one, chosen=one.chosen if one.chosen == other.chosen else (), gates=gates)


def table_rows(schema: Schema, column: Column) -> int:
    """Rows of the table that ids of a column look up, the unknown value's first."""
    match column.what:
        case "id":
            if column.min_count > 1:
                return int((schema.statistics.counts(column.fields[0]) >= column.min_count).sum()) + 1
            return schema.field(column.fields[0]).cardinality + 1
        case "bucket":
            return schema.statistics.bucket_cardinality(column.fields[0], column.bins[0]) + 1
        case "cross":
            return (
                column.rows or schema.statistics.cross_cardinality(column.fields, column.min_count, column.bins)
            ) + 1
        case _:
            return 1


def _plain(initial: Initial, shape: tuple[int, ...]) -> Initial:
    """Fans worked out: what is left is constant, normal or uniform."""
    match initial.kind:
        case "xavier":
            fan_in, fan_out = (shape[-2], shape[-1]) if len(shape) > 1 else (shape[-1], 1) if shape else (1, 1)
            return Initial("uniform", math.sqrt(6 / (fan_in + fan_out)))
        case "fan_in":
            return Initial("uniform", 1 / math.sqrt(max(initial.value, 1)))
        case _:
            return initial

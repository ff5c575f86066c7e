"""What is known of every value of a field, as buffers of a module: frequency blocks, training counts, what a stream has decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import Part, Slice, Tensor
from .frequencies import blocks_of
from .ir import Graph, Input, Operator, Ref
from .schema import Schema

COUNTS = "frequency"
"""The layer of buffers of training counts."""
CURRENT = "current"
"""That of what is decided so far, by the decision's name."""


class Known:
    """`at`: for every node that reads such a buffer, that, and where the ids of each of its rows start in it. Fields stand
    one below the other, each with its unknown value first. `attribute` gives free names."""

    def __init__(self, graph: Graph, schema: Schema, attribute: Callable[[str], str]) -> None:
        self._graph, self._schema, self._attribute = graph, schema, attribute
        self.at: dict[int, tuple[Tensor, tuple[int, ...]]] = {}

    def tensors(self) -> tuple[Tensor, ...]:
        return tuple({held.attribute: held for held, _ in self.at.values()}.values())

    def add(self, key: int, node: Operator) -> None:
        """Of a node `block`, `frequency` or `current` the buffer, made where there is none yet."""
        read = node.operands[-1]
        if node.operator == "current":
            self._decided(key, node)
        elif node.operator == "block":
            many, over = int(node.options["blocks"]), str(node.options["over"])
            kind = np.uint8 if many < 256 else np.int32
            self._stack(key, read, "block", "blocks", (many, over), lambda f: self._blocks(f, many, over).astype(kind))
        else:
            self._stack(key, read, COUNTS, "counts", (), self._counts)

    def _decided(self, key: int, node: Operator) -> None:
        """What is decided of every element so far: weights [E, N], of gates [E], even before a stream has begun."""
        decision = self._graph.decision(str(node.options["of"]))
        begins = np.concatenate([[0], np.cumsum(decision.counts)])
        starts = tuple(int(begins[decision.rows.index(k)]) for k in node.keys)
        gate, n = decision.domains[0].kind == "gate", max(len(d.options) for d in decision.domains)
        own = (Slice(CURRENT, decision.name, (), "", (), ((0, decision.elements),)),)
        made = next((t for t, _ in self.at.values() if t.slices == own), None)
        if made is None:
            held = np.full(
                decision.elements if gate else (decision.elements, n), 0.5 if gate else 1 / n, dtype=np.float32
            )
            made = Tensor(self._attribute(f"current.{decision.name}"), held.shape, (), own, False, True, settled=held)
        self.at[key] = made, starts

    def _blocks(self, field: str, many: int, over: str) -> NDArray[Any]:
        return blocks_of(self._schema, field, many, over)

    def _counts(self, field: str) -> NDArray[Any]:
        return np.concatenate([[0], self._schema.statistics.counts(field)]).astype(np.int32)

    def _stack(
        self, key: int, read: Ref, layer: str, name: str, about: Part, of: Callable[[str], NDArray[Any]]
    ) -> None:
        source = self._graph[read.node]
        assert isinstance(source, Input)
        columns = [source.columns[r] for r in read.rows.array]
        fields = tuple(dict.fromkeys(c.fields[0] for c in columns))
        parts = [of(field) for field in fields]
        begins = dict(zip(fields, np.cumsum([0, *map(len, parts)]).tolist(), strict=False))
        starts = tuple(begins[c.fields[0]] for c in columns)
        own = tuple(
            Slice(layer, name, (*about, field), "", (), ((begins[field], begins[field] + len(part)),))
            for field, part in zip(fields, parts, strict=True)
        )
        made = next((t for t, _ in self.at.values() if t.slices == own), None)
        if made is None:
            held = np.concatenate(parts)
            attribute = self._attribute("_".join(map(str, (name, *about))))
            made = Tensor(attribute, held.shape, (), own, False, True, settled=held)
        self.at[key] = made, starts

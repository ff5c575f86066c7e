"""Which rows of a graph a derived model needs, and which of its values are zero whatever the example: decisions are
settled by an architecture, the graph stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .counting.values import settles
from .decisions import Architecture
from .evaluate import Evaluator, elements_of, merged
from .ir import Constant, DecisionNode, Graph, Merge, Node, Operator, Output, Reduce, Ref, Select, operands
from .promise import Promises
from .shapes import Searched, Shape

Row = tuple[int, int]


class Liveness:
    """One graph under one architecture."""

    def __init__(self, graph: Graph, promises: Promises, architecture: Architecture | None) -> None:
        self.evaluator = Evaluator(graph, architecture or {}, strict=False)
        self.nodes: Mapping[int, Node] = dict(graph.items())
        self.promises = promises
        self._varying: set[int] = set()
        for key, node in self.nodes.items():
            per_example = isinstance(node, DecisionNode) and node.given is not None
            if per_example or any(r.node in self._varying for r in operands(node)):
                self._varying.add(key)
        self._zeros: dict[Row, bool] = {}

    def live(self, scope: Sequence[Ref]) -> dict[int, set[int]]:
        """The rows that the scope reads (nothing given: that the prediction reads)."""
        found: dict[int, set[int]] = {}
        for ref in scope:
            found.setdefault(ref.node, set()).update(ref.rows.array.tolist())
        if not scope:
            for key, node in self.nodes.items():
                if isinstance(node, Output) and node.role == "predict":
                    found[key] = set(range(len(node.value.rows)))
        for key, node in reversed(list(self.nodes.items())):
            if node.phase == "search" and not isinstance(node, DecisionNode):
                found.pop(key, None)
            for row in sorted(found.get(key, ())):
                for other, at in self.reads(node, row):
                    found.setdefault(other, set()).add(at)
        return found

    def reads(self, node: Node, row: int) -> Iterator[Row]:
        """The rows that one row is computed from."""
        match node:
            case Operator(operator="*") if any(self.zero(_at(r, row)) for r in node.operands):
                return
            case Operator():
                yield from (_at(r, row) for r in node.operands)
            case Select() if not self.settled(node.subject):
                yield from (_at(r, row) for r in (node.subject, *node.alternatives))
            case Select():
                yield self._taken(node, row)
            case Reduce():
                for position, (ref, k) in enumerate(elements_of(node, row)):
                    weight, at = node.weights, k if len(node.blocks) == 1 else position
                    if weight is None or not self.settled(weight) or self.evaluator.at(weight, at):
                        yield _at(ref, k)
            case Merge():
                yield merged(node, row)
            case Output():
                yield _at(node.value, row)
            case DecisionNode() if node.given is not None:
                yield _at(node.given, row)
            case _:
                return

    def settled(self, ref: Ref) -> bool:
        """Whether an operand is one value once decisions are settled: for all examples, values and elements."""
        node = self.nodes[ref.node]
        varies = node.phase == "run" or ref.node in self._varying
        return not varies and not node.index.values and not node.index.runs

    def _taken(self, node: Select, row: int) -> Row:
        subject = self.evaluator.at(node.subject, row)
        for label, alternative in zip(node.labels, node.alternatives, strict=True):
            if settles(subject, label):
                return _at(alternative, row)
        raise AssertionError("a select covers its subject")

    # -- zeros and widths --------------------------------------------------------------------------------

    def zero(self, at: Row) -> bool:
        """Whether a row is zero for every example."""
        if at not in self._zeros:
            self._zeros[at] = self._zero(*at)
        return self._zeros[at]

    def _zero(self, key: int, row: int) -> bool:
        node = self.nodes[key]
        if isinstance(node, Constant):
            return not node.values[row].any()
        if node.phase != "run":
            varies = key in self._varying or node.index.values or node.index.runs
            value = None if varies else self.evaluator.row(key, row)
            return not any(value) if isinstance(value, tuple) else value is not None and value == 0
        match node:
            case Operator(operator="*"):
                return any(self.zero(_at(r, row)) for r in node.operands)
            case Operator() if (promise := self.promises.operators.get(node.operator)) and promise.elementwise:
                return promise.zero_preserving and all(self.zero(_at(r, row)) for r in node.operands)
            case Reduce() if node.operator in ("sum", "mean", "concat", "vector"):
                return all(map(self.zero, self.reads(node, row)))
            case Select() if self.settled(node.subject):
                return self.zero(self._taken(node, row))
            case Merge():
                return self.zero(merged(node, row))
            case _:
                return False

    def width(self, at: Row) -> int:
        """Numbers along the last axis of a row that are not zero for every example."""
        node, row = self.nodes[at[0]], at[1]
        match node:
            case Reduce(operator="concat") if node.shape.kind == "vector":
                return sum(self.width(r) for r in self.reads(node, row))
            case Select() if self.settled(node.subject):
                return self.width(self._taken(node, row))
            case Merge():
                return self.width(merged(node, row))
            case _:
                return 0 if self.zero(at) else int(self.shape(node, row).last)  # type: ignore[arg-type]

    def shape(self, node: Node, row: int) -> Shape:
        """The shape of a row, its searched widths settled."""
        if not node.shape.searched:
            return node.shape
        dims = list(node.shape.dims)
        for k, dim in enumerate(dims):
            width = node.widths[k] if isinstance(dim, Searched) else None
            if width is not None:
                dims[k] = int(self.evaluator.at(width, row))
        return replace(node.shape, dims=tuple(dims))


def _at(ref: Ref, k: int) -> Row:
    return ref.node, int(ref.rows.array[k])

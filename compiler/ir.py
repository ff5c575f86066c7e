"""The graph: families as nodes, on one networkx.DiGraph. This is the only file that touches networkx.

A node is a family: a row for each element of its index, all of one shape (`split` sees to that). An operand says which
row of the producer each row of the consumer reads. So a graph is as large as the text, whatever the number of fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from recspace.dsl.source import Span

from .decisions import Decision, Key
from .schema import Column
from .shapes import NUMBER, Shape

if TYPE_CHECKING:
    import networkx as nx

Phase = Literal["compile", "search", "run"]
IntArray = NDArray[np.int64]


class Rows:
    """Row numbers, immutable and comparable. `Rows.all(n)` is 0..n−1."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: Iterable[int] | IntArray) -> None:
        self.array: IntArray = np.ascontiguousarray(
            np.asarray(array if isinstance(array, np.ndarray) else list(array), dtype=np.int64)
        )
        self.array.setflags(write=False)
        self._hash = hash(self.array.tobytes())

    @staticmethod
    def all(n: int) -> Rows:
        return Rows(np.arange(n, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return self._hash

    def take(self, rows: Rows) -> Rows:
        """Compose: row k of the result is this[rows[k]]."""
        return Rows(self.array[rows.array])

    def is_all(self, n: int) -> bool:
        return len(self.array) == n and bool((self.array == np.arange(n)).all())

    def __repr__(self) -> str:
        a = self.array
        return f"Rows({a.tolist()})" if len(a) <= 8 else f"Rows([{a[0]}, {a[1]}, … {a[-1]}] × {len(a)})"


@dataclass(frozen=True, slots=True)
class Ref:
    """Rows of a node, as an operand reads them: one for each row of the consumer (several in blocks of a `Reduce`)."""

    node: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Index:
    """What the rows of a node stand for.

    `axes`: the binders as text. `keys`: the label of every row. `values`: for a family over `values(f)`, the field of
    each row (the axis over its values is not spelled out in rows); `elements`: the fields whose run-time elements
    index it (`elements(f)`), one for each such binder.
    """

    axes: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ((),)
    values: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Rows) -> Index:
        keys = tuple(self.keys[r] for r in rows.array)
        values = tuple(self.values[r] for r in rows.array) if self.values else ()
        return replace(self, keys=keys, values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """`index`, `shape` of one row for one example, phase, `place` in the text (`e.embed`), `widths`: for every searched
    dim of the shape the search-phase rows that settle it (None for a fixed dim)."""

    index: Index
    shape: Shape = NUMBER
    phase: Phase = "run"
    place: str = ""
    span: Span
    widths: tuple[Ref | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(_Node):
    """Columns of the batch: one for each row. Ids and raw numbers."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(_Node):
    """Numbers known when compiling: [rows, *shape]."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned(_Node):
    """A trainable tensor of the space (`learn`); where `initial` is 0 a vector or matrix starts at random."""

    name: str
    initial: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNode(_Node):
    """Elements `elements` of the decision `name`, one a row. `exists`: the condition (search phase, one row each) under
    which a row's decision exists; None: always. `given`: its logits, `prior`: its prior probability, one row each.

    As a value a gate is 0 or 1, a number of a grid or range itself; names and alternatives are read by `is` and
    `Select` alone, subsets by `member` and `count`.
    """

    name: str
    elements: Rows
    exists: Ref | None = None
    given: Ref | None = None
    prior: Ref | None = None
    phase: Phase = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator(_Node):
    """An operator of the language, or arithmetic: + - * / ^ @ negate == != < > <= >= and or not min max floor ceil round
    abs log exp; `is` (operand 0 a decision of names, 1 the position of an option, a Constant), `member` (0 a subset
    decision, 1 the position of an option), `count` (a subset decision), `lookup` (0 a family over values, 1 the ids),
    `element` (of a sequence).

    `options`: what the promise declares, the same for all rows; a searched option is a Ref. `layer`: where weights live
    (`deep.mlp`), `part` which part of a composite (`0`); `keys`: the subscript of every row, none where all rows share
    one layer. `attributes`: per-row facts (fields of embeddings, columns).
    """

    operator: str
    operands: tuple[Ref, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    layer: str = ""
    part: str = ""
    keys: tuple[Key, ...] = ()
    columns: tuple[Column, ...] = ()
    chosen: tuple[tuple[str, Rows, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(_Node):
    """`if`, `case`, `choose { }`: row k is the alternative that `subject` takes. `labels[a]` is what the subject must be
    for alternative a (True / False for an `if`). `subject` may be of the search phase (decisions) or the run phase."""

    subject: Ref
    labels: tuple[str | int | float | bool, ...]
    alternatives: tuple[Ref, ...]
    given_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`count` consecutive elements for every row of a Reduce: `ref.rows` has rows × count entries, row-major.
    `parts`: for every element of a row, its path in a (nested) concat; `candidate`: the searched width it stands for."""

    ref: Ref
    count: int
    parts: tuple[Key, ...] = ()
    candidate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(_Node):
    """sum mean max min product concat stack any all vector (numbers side by side) over the elements of `blocks`.

    Ragged: where rows have unequal numbers of elements, `segments` holds the row of every element of the one block and
    its `count` is 0. `weights`: what each element counts (a filter that decisions decide), aligned with the elements.
    """

    operator: Literal["sum", "mean", "max", "min", "product", "concat", "stack", "any", "all", "vector"]
    blocks: tuple[Block, ...]
    segments: Rows | None = None
    weights: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(_Node):
    """Rows gathered from several nodes of one shape: row k is `sources[source_of[k]]`'s next row in order."""

    sources: tuple[Ref, ...]
    source_of: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(_Node):
    """`role`: predict, objective, constraint or expectation; `text` as written."""

    role: Literal["predict", "objective", "constraint"]
    value: Ref
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost(_Node):
    """parameters, memory, flops or latency of the derived model, of all that `scope` reads (empty: the whole model);
    `relative`: divided by what it is in the widest model."""

    measure: Literal["parameters", "memory", "flops", "latency"]
    scope: tuple[Ref, ...]
    relative: bool = False
    phase: Phase = "search"


Node = Input | Constant | Learned | DecisionNode | Operator | Select | Reduce | Merge | Output | Cost


def operands(node: Node) -> tuple[Ref, ...]:
    """Everything that a node reads, searched widths and options included."""
    widths = tuple(w for w in node.widths if w is not None)
    match node:
        case Input() | Constant() | Learned():
            return widths
        case DecisionNode():
            return (*widths, *(r for r in (node.exists, node.given, node.prior) if r))
        case Operator():
            return (*node.operands, *(o for o in node.options.values() if isinstance(o, Ref)), *widths)
        case Select():
            return (node.subject, *node.alternatives, *widths)
        case Reduce():
            return (*(b.ref for b in node.blocks), *((node.weights,) if node.weights else ()), *widths)
        case Merge():
            return (*node.sources, *widths)
        case Output():
            return (node.value, *widths)
        case Cost():
            return (*node.scope, *widths)
        case _:
            assert_never(node)


def with_operands(node: Node, new: Mapping[Ref, Ref]) -> Node:
    """The node with every operand replaced that `new` has something for."""

    def to(ref: Ref) -> Ref:
        return new.get(ref, ref)

    widths = tuple(w and to(w) for w in node.widths)
    match node:
        case Input() | Constant() | Learned():
            return replace(node, widths=widths)
        case DecisionNode():
            exists, given, prior = (r and to(r) for r in (node.exists, node.given, node.prior))
            return replace(node, exists=exists, given=given, prior=prior, widths=widths)
        case Operator():
            options = {k: to(o) if isinstance(o, Ref) else o for k, o in node.options.items()}
            return replace(node, operands=tuple(map(to, node.operands)), options=options, widths=widths)
        case Select():
            return replace(
                node, subject=to(node.subject), alternatives=tuple(map(to, node.alternatives)), widths=widths
            )
        case Reduce():
            blocks = tuple(replace(b, ref=to(b.ref)) for b in node.blocks)
            return replace(node, blocks=blocks, weights=node.weights and to(node.weights), widths=widths)
        case Merge():
            return replace(node, sources=tuple(map(to, node.sources)), widths=widths)
        case Output():
            return replace(node, value=to(node.value), widths=widths)
        case Cost():
            return replace(node, scope=tuple(map(to, node.scope)), widths=widths)
        case _:
            assert_never(node)


class Graph:
    """An immutable graph. `outputs` are the ids of its Output nodes, `decisions` the decision table.

    networkx is imported when it is first needed: a fresh graph is in order already, and checking a space takes less time
    than that import.
    """

    __slots__ = ("_nodes", "_order", "_shown", "decisions", "name", "outputs")

    def __init__(self, name: str, nodes: Mapping[int, Node], decisions: tuple[Decision, ...]) -> None:
        self._nodes = dict(nodes)
        self._order: tuple[int, ...] | None = None
        self._shown: nx.DiGraph[int] | None = None
        self.name = name
        self.decisions = decisions
        self.outputs = tuple(k for k, n in nodes.items() if isinstance(n, Output))

    @property
    def _graph(self) -> nx.DiGraph[int]:
        if self._shown is None:
            import networkx as nx

            graph: nx.DiGraph[int] = nx.DiGraph()
            graph.add_nodes_from(self._nodes)
            graph.add_edges_from((ref.node, key) for key, node in self._nodes.items() for ref in operands(node))
            self._shown = nx.freeze(graph)
        return self._shown

    def __getitem__(self, key: int) -> Node:
        return self._nodes[key]

    def __contains__(self, key: int) -> bool:
        return key in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def items(self) -> Iterator[tuple[int, Node]]:
        """Nodes with their ids, producers before consumers; the order is stable."""
        if self._order is None:
            rising = all(ref.node < key for key, node in self._nodes.items() for ref in operands(node))
            if rising:
                self._order = tuple(sorted(self._nodes))
            else:
                import networkx as nx

                self._order = tuple(nx.lexicographical_topological_sort(self._graph))
        for key in self._order:
            yield key, self._nodes[key]

    def missing(self) -> tuple[int, ...]:
        """Nodes that are read and are not there."""
        return tuple(sorted({r.node for n in self._nodes.values() for r in operands(n)} - self._nodes.keys()))

    def consumers(self, key: int) -> tuple[int, ...]:
        return tuple(sorted(self._graph.successors(key)))

    def producers(self, key: int) -> tuple[int, ...]:
        return tuple(sorted(self._graph.predecessors(key)))

    def ancestors(self, keys: Iterable[int]) -> frozenset[int]:
        """The nodes themselves and all that they need."""
        found: set[int] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += [ref.node for ref in operands(self._nodes[key])]
        return frozenset(found)

    def with_nodes(self, nodes: Mapping[int, Node], decisions: tuple[Decision, ...] | None = None) -> Graph:
        """The same graph with other nodes (all of them)."""
        return Graph(self.name, nodes, self.decisions if decisions is None else decisions)

    def decision(self, name: str) -> Decision:
        return next(d for d in self.decisions if d.name == name)

    def cycle(self) -> list[int]:
        """Some cycle, or nothing."""
        import networkx as nx

        try:
            return [a for a, _ in nx.find_cycle(self._graph)]
        except nx.NetworkXNoCycle:
            return []

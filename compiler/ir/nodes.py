"""The kinds of nodes. Each is a family: all that a node says of one row it says of every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recspace.dsl.source import Span

from ..decisions import Key
from ..schema import Column
from ..shapes import NUMBER, Shape
from .rows import Index, Ref, Rows, Run

Phase = Literal["compile", "search", "run"]


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
    `parts`: for every entry of `ref.rows`, its path in a (nested) concat; `candidate`: the searched width it stands for."""

    ref: Ref
    count: int
    parts: tuple[Key, ...] = ()
    candidate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(_Node):
    """sum mean max min product concat stack any all vector (numbers side by side) over the elements of `blocks`.

    Ragged: where rows have unequal numbers of elements, `segments` holds the row of every element of the one block and
    its `count` is 0. `weights`: what each element counts (a filter that decisions decide), aligned with the elements.
    `over`: run-time binders that it runs over besides. `mixed`: as one product with the matrix of the weights.
    """

    operator: Literal["sum", "mean", "max", "min", "product", "concat", "stack", "any", "all", "vector"]
    blocks: tuple[Block, ...]
    segments: Rows | None = None
    weights: Ref | None = None
    over: tuple[Run, ...] = ()
    mixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(_Node):
    """Rows gathered from several nodes of one shape: row k is `sources[source_of[k]]`'s next row in order."""

    sources: tuple[Ref, ...]
    source_of: Rows

    def source(self, row: int) -> tuple[int, int]:
        """The node and its row that a row stands for."""
        k = int(self.source_of.array[row])
        before = int(np.count_nonzero(self.source_of.array[:row] == k))
        return self.sources[k].node, int(self.sources[k].rows.array[before])


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetSum(_Node):
    """Row k is Σ w_s · Π_{f in s} x_f over all subsets s of `sizes[k]` of the rows `members` of x.

    `weights`: of every subset, row after row, in the order of `itertools.combinations`; None: all are 1. They are rows of
    a gate whose logits are factored: `groups[k]` is the group of factors that row k's have, `places[f]` the place of
    member f among the factors' members.
    """

    members: Ref
    sizes: tuple[int, ...]
    weights: Ref | None = None
    groups: tuple[int, ...] = ()
    places: tuple[int, ...] = ()


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


Node = Input | Constant | Learned | DecisionNode | Operator | Select | Reduce | Merge | SubsetSum | Output | Cost

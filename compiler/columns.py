"""Columns and contexts: a family is resolved for all its elements at once, as a database evaluates a query.

A `Context` has a row for every combination of the binders around an expression; a `Column` holds the expression's value
in every row: a compile-time atom, or a row of a node of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from recspace.dsl import ast

from .atoms import ElementVar, ValueVar, key_label
from .decisions import Key
from .ir import Index, IntArray, Ref, Rows, Run

ATOM = -1


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """Row k is `atoms[k]` where `nodes[k]` is ATOM, else row `rows[k]` of node `nodes[k]`."""

    nodes: IntArray
    rows: IntArray
    atoms: tuple[Any, ...]

    @staticmethod
    def of_atoms(atoms: Sequence[Any]) -> Column:
        n = len(atoms)
        return Column(np.full(n, ATOM, dtype=np.int64), np.zeros(n, dtype=np.int64), tuple(atoms))

    @staticmethod
    def uniform(atom: Any, n: int) -> Column:
        return Column.of_atoms((atom,) * n)

    @staticmethod
    def of_node(node: int, n: int) -> Column:
        return Column(np.full(n, node, dtype=np.int64), np.arange(n, dtype=np.int64), ())

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def constant(self) -> bool:
        return bool((self.nodes == ATOM).all())

    @property
    def has_atoms(self) -> bool:
        return bool((self.nodes == ATOM).any())

    def take(self, rows: IntArray) -> Column:
        atoms = tuple(self.atoms[r] for r in rows) if self.atoms else ()
        return Column(self.nodes[rows], self.rows[rows], atoms)

    def node_ids(self) -> list[int]:
        return [int(k) for k in np.unique(self.nodes) if k != ATOM]


def scatter(n: int, pieces: Sequence[tuple[IntArray, Column]]) -> Column:
    """Put pieces together: piece k fills the rows that it names."""
    nodes, rows = np.full(n, ATOM, dtype=np.int64), np.zeros(n, dtype=np.int64)
    atoms: list[Any] = [None] * n if any(c.atoms for _, c in pieces) else []
    for where, column in pieces:
        nodes[where], rows[where] = column.nodes, column.rows
        if column.atoms:
            for k, r in enumerate(where):
                atoms[r] = column.atoms[k]
    return Column(nodes, rows, tuple(atoms))


@dataclass(frozen=True, eq=False, slots=True)
class Guard:
    """A condition of the search phase under which the rows of a context are reached.

    `subject` is a condition that must hold or must not (`holds`, `fails`), or a decision: row k's is at option
    `positions[k]` (`is`), or holds that option (`member`).
    """

    subject: Column
    how: Literal["holds", "fails", "is", "member"] = "holds"
    positions: tuple[int, ...] = ()


@dataclass(eq=False)
class Context:
    """Rows of an evaluation. `parent` and `to_parent` lead outwards; `variables` are bound in this frame alone."""

    n: int
    scope: Any
    parent: Context | None = None
    to_parent: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    variables: dict[str, Column] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    guard: Guard | None = None
    _keys: tuple[Key, ...] | None = None

    def lookup(self, name: str) -> Column | None:
        """A binder's value in every row, wherever around this context it was bound (within the same scope)."""
        rows, frame = None, self
        while True:
            if name in frame.variables:
                column = frame.variables[name]
                return column if rows is None else column.take(rows)
            if frame.parent is None or frame.parent.scope is not frame.scope:
                return None
            rows = frame.to_parent if rows is None else frame.to_parent[rows]
            frame = frame.parent

    def names(self) -> set[str]:
        found: set[str] = set()
        frame: Context | None = self
        while frame is not None and frame.scope is self.scope:
            found |= set(frame.variables)
            frame = frame.parent
        return found

    def rows_in(self, outer: Context) -> IntArray:
        """For each row the row of an outer context that it belongs to."""
        rows = np.arange(self.n, dtype=np.int64)
        frame = self
        while frame is not outer:
            assert frame.parent is not None, "not an outer context"
            rows = frame.to_parent[rows]
            frame = frame.parent
        return rows

    def restricted(self, rows: IntArray) -> Context:
        return Context(len(rows), self.scope, self, rows)

    def guarded(self, guard: Guard) -> Context:
        return Context(self.n, self.scope, self, np.arange(self.n, dtype=np.int64), guard=guard)

    def keys(self) -> tuple[Key, ...]:
        """The labels of every row: the binders' values from the outermost in."""
        if self._keys is None:
            outer: Sequence[Key] = ((),) * self.n
            if self.parent is not None:
                above = self.parent.keys()
                outer = [above[r] for r in self.to_parent]
            columns = [c.atoms for c in self.variables.values() if c.atoms]
            self._keys = tuple((*o, *map(key_label, own)) for o, *own in zip(outer, *columns, strict=True))
        return self._keys

    def all_axes(self) -> tuple[str, ...]:
        return (*(self.parent.all_axes() if self.parent else ()), *self.axes)

    def index(self) -> Index:
        values: tuple[str, ...] = ()
        runs: list[Run] = []
        frame: Context | None = self
        rows = np.arange(self.n, dtype=np.int64)
        while frame is not None:
            for column in frame.variables.values():
                first = column.atoms[0] if column.atoms else None
                if isinstance(first, ValueVar) and not values:
                    values = tuple(column.atoms[r].field for r in rows)
                elif isinstance(first, ElementVar) and first.run not in runs:
                    runs.append(first.run)
            rows = frame.to_parent[rows] if frame.parent is not None else rows
            frame = frame.parent
        return Index(self.all_axes(), self.keys(), values, tuple(runs))

    def guards(self) -> list[tuple[Guard, IntArray]]:
        """Guards from the outermost in, each with the row of its frame that every row here belongs to."""
        found: list[tuple[Guard, IntArray]] = []
        frame: Context | None = self
        rows = np.arange(self.n, dtype=np.int64)
        while frame is not None:
            if frame.guard is not None:
                found.append((frame.guard, rows))
            rows = frame.to_parent[rows] if frame.parent is not None else rows
            frame = frame.parent
        return found[::-1]


def ref(node: int, rows: IntArray) -> Ref:
    return Ref(node, Rows(rows))


def binder_text(binder: ast.Binder) -> str:
    match binder.names:
        case ast.Each(names):
            names_text = ", ".join(names)
        case ast.Ordered(names):
            names_text = " < ".join(names)
        case ast.OrderedOrEqual(names):
            names_text = " <= ".join(names)
    return f"{names_text} in {binder.domain.span.text}"

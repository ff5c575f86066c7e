"""The graph under construction: nodes and diagnostics are added to it, shapes and searched widths are asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from recspace.dsl.diagnostics import Diagnostic, Edit, Note
from recspace.dsl.source import Span

from . import search_phase
from .atoms import Label, describe, is_number
from .columns import ATOM, Column, Context, ref, scatter
from .ir import Constant, DecisionNode, Input, IntArray, Node, Operator, Phase, Ref, Rows, operands
from .promise import Promises
from .schema import Schema
from .shapes import NUMBER, Dim, Searched, Shape, vector

MOST_NODES = 50_000


def fits(number: float) -> bool:
    """Whether a number can be a real one."""
    return not isinstance(number, int) or number.bit_length() < 1024


class Failed(Exception):
    """An expression that has been reported already; whoever reads it says nothing more."""


@dataclass(eq=False)
class Builder:
    """The graph under construction."""

    schema: Schema
    promises: Promises
    nodes: dict[int, Node] = field(default_factory=dict)
    entries: Any = field(default_factory=dict)
    diagnostics: dict[tuple[str, Span], Diagnostic] = field(default_factory=dict)
    full: bool = False
    _width_refs: dict[tuple[object, ...], Ref] = field(default_factory=dict)
    _candidates: dict[tuple[int, int], tuple[float, ...]] = field(default_factory=dict)

    def report(
        self, code: str, message: str, span: Span, label: str = "", *, notes: tuple[Note, ...] = (), help: str = "",
        edits: tuple[Edit, ...] = (), warning: bool = False,
    ) -> Failed:  # fmt: skip
        """Keep a diagnostic (one for each code and place) and give the exception to raise."""
        severity = "warning" if warning else "error"
        known = self.diagnostics.setdefault((code, span), Diagnostic(code, message, span, label, notes, help, edits))
        if known.severity != severity:
            self.diagnostics[code, span] = replace(known, severity=severity)  # type: ignore[arg-type]
        return Failed(message)

    def add(self, node: Node) -> int:
        if len(self.nodes) >= MOST_NODES:
            if self.full:
                raise Failed("full")
            self.full = True
            said = f"the graph of this space has more than {MOST_NODES:,} nodes"
            help = "index a family by a set instead of writing its elements one by one"
            raise self.report("S0220", said, node.span, "one too many", help=help)
        self.nodes[len(self.nodes)] = node
        return len(self.nodes) - 1

    # -- values ------------------------------------------------------------------------------------------

    def values(self, column: Column, ctx: Context, span: Span, shape: Shape | None = None) -> Column:
        """The column with its numbers made constants of the graph; `shape` is what they shall be blown up to."""
        if not column.has_atoms:
            return column
        where = np.flatnonzero(column.nodes == ATOM)
        atoms = [column.atoms[r] for r in where]
        for atom in {id(a): a for a in atoms}.values():
            if not is_number(atom) and not (isinstance(atom, tuple) and all(map(is_number, atom))):
                raise self._no_value(atom, span)
            if not all(map(fits, atom if isinstance(atom, tuple) else (atom,))):
                said = "this whole number is too large for a model to compute with"
                raise self.report("S0218", said, span, "too large", help="write a smaller one, or a real number: 2.0")
        pieces = [(np.flatnonzero(column.nodes != ATOM), column.take(np.flatnonzero(column.nodes != ATOM)))]
        sizes = np.array(
            [len(a) if isinstance(a, tuple) else -1 for a in atoms]
        )  # concat of nothing is a vector of none
        for size in np.unique(sizes):
            rows = where[sizes == size]
            own = NUMBER if size < 0 else vector(int(size))
            target = shape if shape is not None and size < 0 and not shape.searched else own
            array = np.array([atoms[k] for k in np.flatnonzero(sizes == size)], dtype=np.float64)
            if target is not own:
                ones = (1,) * len(target.dims)
                array = np.broadcast_to(array.reshape(-1, *ones), (len(rows), *target.fixed)).copy()
            index = ctx.index().take(Rows(rows))
            node = self.add(Constant(index=index, shape=target, phase="compile", span=span, values=array))
            pieces.append((rows, Column.of_node(node, len(rows))))
        return scatter(len(column), pieces)

    def _no_value(self, atom: Any, span: Span) -> Failed:
        match atom:
            case Label(name):
                return self.report("S0104", f"`{name}` is not declared", span, "no such name here")
            case _:
                text = describe(atom)
                help = "look it up with embed(f, n), weight(f) or number(f)" if text.startswith("the field") else ""
                return self.report(
                    "S0302", f"a number or a vector is needed, and this is {text}", span, text, help=help
                )

    def shape(self, node: int, rows: IntArray) -> Shape:
        """The shape of some rows of a node; searched widths are named by the rows that settle them."""
        own = self.nodes[node]
        if not own.shape.searched:
            return own.shape
        dims: list[Dim] = []
        for dim, width in zip(own.shape.dims, own.widths, strict=True):
            if not isinstance(dim, Searched) or width is None:
                dims.append(dim)
                continue
            picked = ref(width.node, width.rows.array[rows])
            dims.append(self.searched(picked))
        return replace(own.shape, dims=tuple(dims))

    def searched(self, width: Ref) -> Searched:
        """The searched width that rows of a search-phase node settle."""
        key = ("ref", width.node, width.rows.array.tobytes())
        self._width_refs[key] = width
        found: set[float] = set()
        for row in np.unique(width.rows.array):
            found |= set(self.candidates(width.node, int(row)))
        return Searched(tuple(int(c) for c in sorted(found)), key)

    def candidates(self, node: int, row: int) -> tuple[float, ...]:
        """Every number that a row of the search phase can take, in rising order."""
        if (node, row) not in self._candidates:
            self._candidates[node, row] = search_phase.candidates(self, node, row)
        return self._candidates[node, row]

    def width_ref(self, key: tuple[object, ...], n: int, like: Node) -> Ref:
        """Search-phase rows for a searched width, sums and products made where needed."""
        if key in self._width_refs:
            return self._width_refs[key]
        operator, *parts = key
        sides = []
        for side in parts:
            if isinstance(side, tuple):
                sides.append(self.width_ref(side, n, like))
            else:
                constant = Constant(index=like.index, phase="compile", span=like.span, values=np.full(n, float(side)))  # type: ignore[arg-type]
                sides.append(Ref(self.add(constant), Rows.all(n)))
        made = Operator(index=like.index, phase="search", span=like.span, operator=str(operator), operands=tuple(sides))
        self._width_refs[key] = Ref(self.add(made), Rows.all(n))
        return self._width_refs[key]

    def finish(self, node: Node) -> int:
        """Add a node, with the rows that settle its searched widths."""
        if node.shape.searched:
            n = len(node.index)
            refs = tuple(self.width_ref(d.key, n, node) if isinstance(d, Searched) else None for d in node.shape.dims)
            node = replace(node, widths=refs)
        return self.add(node)

    def phase(self, refs: Sequence[Ref]) -> Phase:
        phases = {self.nodes[r.node].phase for r in refs}
        return "run" if "run" in phases else "search" if "search" in phases else "compile"

    # -- operators ---------------------------------------------------------------------------------------

    def promised(self, operator: str, shapes: tuple[Shape, ...], options: Mapping[str, Any]) -> Shape:
        """The shape that an operator promises; arithmetic is the compiler's own."""
        own = search_phase.SHAPES.get(operator)
        shape = own(shapes) if own else self.promises.operators[operator].shape(shapes, options)
        return Shape("sequence") if operator == "weight" and shape.kind == "sequence" else shape

    def pooled(self, sequences: Ref, span: Span) -> Ref:
        """Sequences brought to vectors: mean, or sum where the field says so."""
        node = self.nodes[sequences.node]
        index = node.index.take(sequences.rows)
        by = "mean"
        for source in self.upstream(sequences.node):
            if isinstance(source, Input) and source.columns[0].what == "id":
                by = self.schema.field(source.columns[0].fields[0]).pool
        shape = vector(node.shape.last) if node.shape.dims else NUMBER
        made = Operator(index=index, shape=shape, span=span, operator="pool", operands=(sequences,), options={"by": by})
        return Ref(self.finish(made), Rows.all(len(index)))

    def upstream(self, node: int) -> list[Node]:
        """The node and everything that it needs."""
        seen, todo = set(), [node]
        while todo:
            top = todo.pop()
            if top not in seen:
                seen.add(top)
                todo += [r.node for r in operands(self.nodes[top])]
        return [self.nodes[k] for k in sorted(seen)]

    def domain_options(self, node: DecisionNode, row: int) -> tuple[Any, ...]:
        options: tuple[Any, ...] = self.entries[node.name].domain(int(node.elements.array[row])).options
        return options

    def sizes(self, node: Node, row: int) -> tuple[int, int]:
        """How many elements a chosen set has, at least and at most."""
        assert isinstance(node, DecisionNode)
        domain = self.entries[node.name].domain(int(node.elements.array[row]))
        return int(domain.low), int(domain.high)

"""Makes nodes out of columns: applies operators, checks shapes, brings rows of one shape together."""

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
from .decisions import Key
from .ir import Constant, DecisionNode, Input, IntArray, Merge, Node, Operator, Phase, Ref, Rows, Select, operands
from .promise import Mismatch, Promises
from .schema import Column as DataColumn
from .schema import Schema
from .shapes import NUMBER, Dim, Searched, Shape, vector


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
        self.nodes[len(self.nodes)] = node
        return len(self.nodes) - 1

    # -- values ------------------------------------------------------------------------------------------

    def values(self, column: Column, ctx: Context, span: Span, shape: Shape | None = None) -> Column:
        """The column with its numbers made constants of the graph; `shape` is what they shall be blown up to."""
        if not column.has_atoms:
            return column
        where = np.flatnonzero(column.nodes == ATOM)
        atoms = [column.atoms[r] for r in where]
        for atom in atoms:
            if not is_number(atom) and not (isinstance(atom, tuple) and all(map(is_number, atom))):
                raise self._no_value(atom, span)
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

    def apply(
        self, operator: str, inputs: Sequence[Column], ctx: Context, span: Span, *,
        options: Mapping[str, Column] | None = None, layer: str = "", part: str = "", keys: Sequence[Key] = (),
        columns: Sequence[DataColumn] = (), attributes: Sequence[Any] = (), place: str = "",
    ) -> Column:  # fmt: skip
        """Apply an operator in every row of a context; one node for each group of rows of equal shapes and options.

        `keys`: the subscript of every row; `columns`: what every row reads from the batch; `attributes`: anything else
        that tells groups apart.
        """
        options = options or {}
        settled = [self.values(c, ctx, span) for c in inputs]
        for name, option in options.items():
            if any(self.nodes[k].phase == "run" for k in option.node_ids()):
                raise self.report("S0310", f"`{name}` of {operator}() is known when compiling, or searched", span, "here each example decides it")  # fmt: skip
        codes: dict[Any, int] = {}
        table = [c.nodes for c in settled]
        for option in options.values():
            if option.has_atoms:
                own = [codes.setdefault(("atom", repr(a)), len(codes)) if m == ATOM else -2 - m
                       for a, m in zip(option.atoms, option.nodes, strict=True)]  # fmt: skip
                table.append(np.array(own, dtype=np.int64))
            else:
                table.append(-2 - option.nodes)
        if attributes:
            table.append(np.array([codes.setdefault(("own", a), len(codes)) for a in attributes], dtype=np.int64))
        pieces = []
        for rows in groups(table, ctx.n):
            sub = [c.take(rows) for c in settled]
            given = {name: self._option(c.take(rows)) for name, c in options.items()}
            node = self._operator(operator, sub, given, ctx, rows, span, layer, part,
                                  [keys[r] for r in rows] if keys else (), [columns[r] for r in rows] if columns else (),
                                  place)  # fmt: skip
            pieces.append((rows, Column.of_node(node, len(rows))))
        return scatter(ctx.n, pieces)

    def _option(self, column: Column) -> Any:
        return column.atoms[0] if column.nodes[0] == ATOM else ref(int(column.nodes[0]), column.rows)

    def _operator(
        self, operator: str, inputs: Sequence[Column], options: Mapping[str, Any], ctx: Context, rows: IntArray,
        span: Span, layer: str, part: str, keys: Sequence[Key], columns: Sequence[DataColumn], place: str,
    ) -> int:  # fmt: skip
        refs = [ref(int(c.nodes[0]), c.rows) for c in inputs]
        shapes = [self.shape(r.node, r.rows.array) for r in refs]
        seen = {k: self.searched(o) if isinstance(o, Ref) else o for k, o in options.items()}
        try:
            shape = self.promised(operator, tuple(shapes), seen)
        except Mismatch as mismatch:
            if not any(s.kind == "sequence" for s in shapes):
                raise self._mismatch(mismatch, operator, span, ctx) from None
            refs = [self.pooled(r, span) if s.kind == "sequence" else r for r, s in zip(refs, shapes, strict=True)]
            shapes = [self.shape(r.node, r.rows.array) for r in refs]
            try:
                shape = self.promised(operator, tuple(shapes), seen)
            except Mismatch as second:
                raise self._mismatch(second, operator, span, ctx) from None
        searched_options = [o for o in options.values() if isinstance(o, Ref)]
        layered = bool(layer or columns)
        phase: Phase = "run" if layered else self.phase([*refs, *searched_options])
        index = ctx.index().take(Rows(rows))
        return self.finish(
            Operator(index=index, shape=shape, phase=phase, place=place or layer, span=span, operator=operator,
                     operands=tuple(refs), options=dict(options), layer=layer, part=part, keys=tuple(keys),
                     columns=tuple(columns)))  # fmt: skip

    def promised(self, operator: str, shapes: tuple[Shape, ...], options: Mapping[str, Any]) -> Shape:
        """The shape that an operator promises; arithmetic is the compiler's own."""
        own = search_phase.SHAPES.get(operator)
        shape = own(shapes) if own else self.promises.operators[operator].shape(shapes, options)
        return Shape("sequence") if operator == "weight" and shape.kind == "sequence" else shape

    def _mismatch(self, mismatch: Mismatch, operator: str, span: Span, ctx: Context) -> Failed:
        return self.report(mismatch.code, mismatch.message, span, mismatch.label, help=mismatch.help)

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

    # -- bringing rows together --------------------------------------------------------------------------

    def settle(self, column: Column, ctx: Context, span: Span, place: str = "") -> Column:
        """Rows of one shape in one node: constants take the shape of the others, sequences beside vectors are pooled."""
        ids = column.node_ids()
        if not ids or (len(ids) == 1 and not column.has_atoms):
            return column
        shapes = {k: self.nodes[k].shape for k in ids}
        kinds = {s.kind for s in shapes.values()}
        if "sequence" in kinds and len(kinds) > 1:
            for k in [k for k, s in shapes.items() if s.kind == "sequence"]:
                rows = np.flatnonzero(column.nodes == k)
                pool = self.pooled(ref(k, column.rows[rows]), span)
                column = scatter(
                    len(column), [(np.arange(len(column)), column), (rows, Column.of_node(pool.node, len(rows)))]
                )
            ids = column.node_ids()
            shapes = {k: self.nodes[k].shape for k in ids}
        target = next(iter(shapes.values())) if len(set(shapes.values())) == 1 else None
        column = self.values(column, ctx, span, target)
        by_shape: dict[Any, list[int]] = {}
        for k in column.node_ids():
            shape = self.nodes[k].shape
            dims = tuple(d.candidates if isinstance(d, Searched) else d for d in shape.dims)
            by_shape.setdefault((shape.kind, dims), []).append(k)
        pieces = []
        for members in by_shape.values():
            rows = np.flatnonzero(np.isin(column.nodes, members))
            pieces.append((rows, self._merge(column.take(rows), members, ctx, rows, span, place)))
        return scatter(len(column), pieces)

    def _merge(
        self, column: Column, members: list[int], ctx: Context, rows: IntArray, span: Span, place: str
    ) -> Column:
        if len(members) == 1:
            return column
        source_of = np.searchsorted(members, column.nodes)
        sources = tuple(ref(m, column.rows[column.nodes == m]) for m in members)
        shape = self.nodes[members[0]].shape
        widths: list[Ref | None] = []
        for d, dim in enumerate(shape.dims):
            widths.append(
                self._merged_width(sources, source_of, d, ctx, rows, span) if isinstance(dim, Searched) else None
            )
        node = Merge(index=ctx.index().take(Rows(rows)), shape=shape, phase=self.phase(sources), place=place, span=span,
                     sources=sources, source_of=Rows(source_of), widths=tuple(widths) if shape.searched else ())  # fmt: skip
        return Column.of_node(self.add(node), len(rows))

    def _merged_width(
        self, sources: Sequence[Ref], source_of: IntArray, dim: int, ctx: Context, rows: IntArray, span: Span
    ) -> Ref:
        refs = []
        for s in sources:
            width = self.nodes[s.node].widths[dim]
            assert width is not None
            refs.append(Ref(width.node, width.rows.take(s.rows)))
        if len({r.node for r in refs}) == 1:
            joined = np.empty(len(source_of), dtype=np.int64)
            for k, r in enumerate(refs):
                joined[source_of == k] = r.rows.array
            return ref(refs[0].node, joined)
        merge = Merge(
            index=ctx.index().take(Rows(rows)),
            phase="search",
            span=span,
            sources=tuple(refs),
            source_of=Rows(source_of),
        )
        return Ref(self.add(merge), Rows.all(len(source_of)))

    def select(
        self,
        subject: Column,
        labels: Sequence[Any],
        alternatives: Sequence[Column],
        ctx: Context,
        span: Span,
        place: str,
    ) -> Column:
        """One node for `if`, `case`, `choose`: alternatives brought to one kind of shape, widths searched where they differ."""
        known = [self.nodes[k].shape for c in alternatives for k in c.node_ids()]
        target = known[0] if known and len(set(known)) == 1 else None
        if target is None and known and len({s.kind for s in known}) == 1:
            target = max(known, key=lambda s: [d.widest if isinstance(d, Searched) else d for d in s.dims])
            target = None if target.searched else target
        settled = [self.values(c, ctx, span, target) for c in alternatives]
        pieces = []
        for rows in groups([subject.nodes, *(c.nodes for c in settled)], ctx.n):
            subs = [c.take(rows) for c in settled]
            refs = [ref(int(c.nodes[0]), c.rows) for c in subs]
            pieces.append((rows, self._select(subject.take(rows), labels, refs, ctx, rows, span, place)))
        return scatter(ctx.n, pieces)

    def _select(
        self,
        subject: Column,
        labels: Sequence[Any],
        refs: list[Ref],
        ctx: Context,
        rows: IntArray,
        span: Span,
        place: str,
    ) -> Column:
        shapes = [self.shape(r.node, r.rows.array) for r in refs]
        plain = [isinstance(self.nodes[r.node], Constant) and s == NUMBER for r, s in zip(refs, shapes, strict=True)]
        if all(plain):
            plain = [False] * len(
                plain
            )  # a constant alternative takes its siblings' shape, if there is one that is none
        kinds = {s.kind for s, p in zip(shapes, plain, strict=True) if not p}
        if kinds == {"sequence", "vector"}:
            refs = [self.pooled(r, span) if s.kind == "sequence" else r for r, s in zip(refs, shapes, strict=True)]
            shapes = [self.shape(r.node, r.rows.array) for r in refs]
        elif len(kinds) > 1:
            odd = " and ".join(sorted({str(s) for s in shapes}))
            raise self.report("S0304", f"the alternatives have different kinds of shape: {odd}", span, odd)
        subject_ref = ref(int(subject.nodes[0]), subject.rows)
        index = ctx.index().take(Rows(rows))
        model = next(s for s, p in zip(shapes, plain, strict=True) if not p)
        dims: list[Dim] = []
        for d in range(len(model.dims)):
            own = [model.dims[d] if p else s.dims[d] for s, p in zip(shapes, plain, strict=True)]
            dims.append(own[0] if len(set(own)) == 1 else self._selected_width(subject_ref, labels, own, index, span))
        phase = self.phase([subject_ref, *refs])
        node = Select(index=index, shape=replace(model, dims=tuple(dims)), phase=phase, place=place, span=span,
                      subject=subject_ref, labels=tuple(labels), alternatives=tuple(refs))  # fmt: skip
        return Column.of_node(self.finish(node), len(rows))

    def _selected_width(self, subject: Ref, labels: Sequence[Any], dims: list[Dim], index: Any, span: Span) -> Searched:
        n = len(index)
        refs = []
        for dim in dims:
            if isinstance(dim, Searched):
                refs.append(self.width_ref(dim.key, n, self.nodes[subject.node]))
            else:
                node = Constant(index=index, phase="compile", span=span, values=np.full(n, float(dim)))
                refs.append(Ref(self.add(node), Rows.all(n)))
        node_id = self.add(
            Select(
                index=index, phase="search", span=span, subject=subject, labels=tuple(labels), alternatives=tuple(refs)
            )
        )
        return self.searched(Ref(node_id, Rows.all(n)))

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


def groups(table: Sequence[IntArray], n: int) -> list[IntArray]:
    """Rows with equal entries in every column, in the order of their first row."""
    if n == 0:
        return []
    if not table:
        return [np.arange(n, dtype=np.int64)]
    stacked = np.stack(table, axis=1)
    if bool((stacked == stacked[0]).all()):
        return [np.arange(n, dtype=np.int64)]
    _, first, inverse = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    inverse = inverse.reshape(-1)
    return [np.flatnonzero(inverse == g) for g in order]

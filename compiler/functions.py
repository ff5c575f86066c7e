"""The compiler's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.sites import base_name
from recspace.dsl.source import Span

from . import fields, split
from .aggregates import over_family
from .applying import apply
from .atoms import (
    ElementsOf,
    FieldRef,
    ItemSet,
    RealRange,
    SubsetDomain,
    SubsetsOf,
    ValuesOf,
    ValueVar,
    describe,
    members,
)
from .columns import ATOM, Column, Context, scatter
from .families import family, keys_at, read, rows_at
from .ir import Cost, DecisionNode, Ref, Rows
from .schema import Column as DataColumn
from .scopes import Family
from .state import State


def _values(
    state: State, expr: ast.Call, ctx: Context, name: str, least: int, most: int, keywords: Sequence[str] = ()
) -> tuple[list[Column], dict[str, Column]]:
    found: list[Column] = []
    named: dict[str, Column] = {}
    for argument in expr.arguments:
        match argument:
            case ast.Keyword(key, inner) if key in keywords and not isinstance(inner, ast.Schedule):
                named[key] = state.column(inner, ctx, labels=True)
            case ast.Keyword() | ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", f"{name}() does not take this", argument.span, "not known")
            case _:
                found.append(state.column(argument, ctx))
    if not least <= len(found) <= most:
        raise state.builder.report(
            "S0308",
            f"{name}() takes {least if least == most else f'{least} to {most}'} arguments, and {len(found)} are given",
            expr.span,
        )
    return found, named


def _count(state: State, expr: ast.Call, ctx: Context) -> Column:
    if len(expr.arguments) == 1 and isinstance(expr.arguments[0], ast.Generator):
        name = expr.function.span
        raise state.builder.report("S0308", "count() counts a set; conditions are counted by adding them up", name, "of a generator",
                                   help="write", edits=(Edit(name, "sum"),))  # fmt: skip
    (column,), _ = _values(state, expr, ctx, "count", 1, 1)
    if not column.constant:
        return split.apply(state.builder, "count", [column], ctx, expr.span)
    found = []
    for atom in column.atoms:
        match atom:
            case ElementsOf() | ValuesOf(field=_):
                found.append(state.schema.field(atom.field).cardinality if isinstance(atom, ValuesOf) else 1)
            case SubsetsOf():
                found.append(atom.size())
            case range():
                found.append(max(0, atom.stop - atom.start))
            case _:
                items = members(atom)
                if items is None:
                    raise state.builder.report(
                        "S0202",
                        f"count() counts a set or a list, and this is {describe(atom)}",
                        expr.span,
                        describe(atom),
                    )
                found.append(len(items))
    return Column.of_atoms(found)


def _subsets(state: State, expr: ast.Call, ctx: Context) -> Column:
    (base, sizes), _ = _values(state, expr, ctx, "subsets", 2, 2)
    if not (base.constant and sizes.constant):
        raise state.builder.report("S0213", "a set and its sizes are known when compiling", expr.span, "decided later")
    return Column.of_atoms([_subsets_of(state, b, s, expr.span) for b, s in zip(base.atoms, sizes.atoms, strict=True)])


def _subsets_of(state: State, base: Any, size: Any, span: Span) -> SubsetsOf:
    items = members(base)
    if isinstance(size, range) and not size:
        text = f"there are no sizes from {size.start} to {size.stop - 1}"
        raise state.builder.report(
            "S0202", text, span, f"{size.start}..{size.stop - 1} is empty", help="a range goes up: 2..3"
        )
    low, high = (size[0], size[-1]) if isinstance(size, range) and size else (size, size)
    if items is None or not isinstance(low, int) or not isinstance(high, int) or low < 0:
        raise state.builder.report("S0202", "subsets(S, k) takes a set and a size or a range of sizes", span)
    return SubsetsOf(tuple(items), low, min(high, len(items)))


def _subset(state: State, expr: ast.Call, ctx: Context) -> Column:
    if len(expr.arguments) != 2 or any(
        isinstance(a, ast.Keyword | ast.Generator | ast.Schedule) for a in expr.arguments
    ):
        raise state.builder.report("S0308", "subset(S, n) takes a set and a size or a range of sizes", expr.span)
    base = state.column(expr.arguments[0], ctx, labels=True)  # type: ignore[arg-type]
    sizes = state.column(expr.arguments[1], ctx)  # type: ignore[arg-type]
    if not (base.constant and sizes.constant):
        raise state.builder.report("S0213", "a set and its sizes are known when compiling", expr.span, "decided later")
    found = []
    for b, s in zip(base.atoms, sizes.atoms, strict=True):
        items = b if isinstance(b, SubsetsOf) else members(b)
        low, high = (s[0], s[-1]) if isinstance(s, range) and s else (s, s)
        if items is None or not isinstance(low, int) or not isinstance(high, int):
            raise state.builder.report("S0202", "subset(S, n) takes a set and a size or a range of sizes", expr.span)
        found.append(SubsetDomain(items if isinstance(items, SubsetsOf) else tuple(items), low, high))
    return Column.of_atoms(found)


def _symbolic(kind: type) -> Callable[[State, ast.Call, Context], Column]:
    def handler(state: State, expr: ast.Call, ctx: Context) -> Column:
        name = "values" if kind is ValuesOf else "elements"
        (column,), _ = _values(state, expr, ctx, name, 1, 1)
        atoms = fields.atoms_of(state, column, (FieldRef,), "a field", expr.span)
        for atom in atoms:
            field = state.schema.field(atom.name)
            if kind is ElementsOf and not field.several:
                raise state.builder.report(
                    "S0309", f"elements(f) needs a field of several values, and `{atom}` has one", expr.span
                )
        made = {a: kind(a.name) for a in set(atoms)}
        return Column.of_atoms([made[a] for a in atoms])

    return handler


def _log(state: State, expr: ast.Call, ctx: Context) -> Column:
    (column,), _ = _values(state, expr, ctx, "log", 1, 1)
    if column.constant and all(isinstance(a, RealRange | range) for a in column.atoms):
        return Column.of_atoms(
            [
                RealRange(float(a.low), float(a.high), True)
                if isinstance(a, RealRange)
                else RealRange(float(a.start), float(a.stop - 1), True)
                for a in column.atoms
            ]
        )
    return apply(state, state.promises.operators["log"], [column], {}, ctx, expr.span, ctx.scope.place("log"), "", ())


def _cost(measure: str) -> Callable[[State, ast.Call, Context], Column]:
    def handler(state: State, expr: ast.Call, ctx: Context) -> Column:
        scope: list[Ref] = []
        for argument in expr.arguments:
            if isinstance(argument, ast.Keyword | ast.Generator | ast.Schedule):
                raise state.builder.report("S0308", f"{measure}() takes values", argument.span)
            value = state.evaluate(argument, ctx)
            column = value
            if isinstance(value, Family):
                _, rows = rows_at(value, ctx)
                column = read(state, value, rows, argument.span)
            assert isinstance(column, Column)
            scope += [Ref(k, Rows(column.rows[column.nodes == k])) for k in column.node_ids()]
        return cost_node(state, measure, tuple(scope), ctx, expr.span)

    return handler


def cost_node(state: State, measure: str, scope: tuple[Ref, ...], ctx: Context, span: Span) -> Column:
    """A cost of the derived model, of all that `scope` reads."""
    node = Cost(index=ctx.index(), span=span, measure=measure, scope=scope)  # type: ignore[arg-type]
    return Column.of_node(state.builder.add(node), ctx.n)


def _block(state: State, expr: ast.Call, ctx: Context) -> Column:
    (field, blocks), named = _values(state, expr, ctx, "block", 2, 2, ("over",))
    return fields.block(state, field, blocks, named.get("over"), ctx, expr.span)


def _one(handler: Callable[[State, Column, Context, Span], Column]) -> Callable[[State, ast.Call, Context], Column]:
    def wrapped(state: State, expr: ast.Call, ctx: Context) -> Column:
        (column,), _ = _values(state, expr, ctx, base_name(expr.function), 1, 1)
        return handler(state, column, ctx, expr.span)

    return wrapped


def _bucket(state: State, expr: ast.Call, ctx: Context) -> Column:
    (field, bins), _ = _values(state, expr, ctx, "bucket", 2, 2)
    return fields.bucket(state, field, bins, ctx, expr.span)


def _current(state: State, expr: ast.Call, ctx: Context) -> Column:
    """What a stream has decided for a value so far: the weights of its options, of a gate one. It is no cycle, even in what
    the decision itself is given by."""
    match expr.arguments:
        case (ast.Subscript(ast.Name(name), slots) as read,):
            given = ctx.scope.arguments.get(name)
            statement = given.statement if isinstance(given, Family) else ctx.scope.definitions.get(name)
            if isinstance(statement, ast.Choose):
                fam = given if isinstance(given, Family) else family(state, ctx.scope, name)
                return _decided_so_far(state, fam, slots, ctx, read.span)
    raise state.builder.report("S0308", "current(d) takes a decision of a value, by its name and index", expr.span, "no decision",
                               help="write current(d[v]), where d[v in values(f)] is declared with `choose`")  # fmt: skip


def _decided_so_far(state: State, fam: Family, slots: Sequence[ast.Expr | ast.All], ctx: Context, span: Span) -> Column:
    columns = [None if isinstance(s, ast.All) else state.column(s, ctx) for s in slots]
    variables = [c for c in columns if c is not None and c.constant and all(isinstance(a, ValueVar) for a in c.atoms)]
    if len(variables) != 1 or None in columns:
        raise state.builder.report("S0308", "current(d) takes a decision of a value, bound by `v in values(f)`", span,
                                   help="write current(d[v]), where d[v in values(f)] is declared with `choose`")  # fmt: skip
    keys = keys_at(state, fam, ctx, [c for c in columns if c is not None], span)
    entry = state.entries.get(fam.scope.place(fam.name))
    if entry is None:
        read(state, fam, rows_at(fam, ctx)[1], span)
        entry = state.entries[fam.scope.place(fam.name)]
    gate, n = entry.domains[0].kind == "gate", max(len(d.options) for d in entry.domains)
    even = Column.of_atoms([0.5 if gate else (1 / n,) * n] * ctx.n)
    fields_read = [DataColumn("id", (a.field,)) for a in variables[0].atoms]
    of = Column.uniform(entry.name, ctx.n)
    start = state.builder.values(even, ctx, span)
    return split.apply(state.builder, "current", [start], ctx, span, options={"of": of}, keys=keys, columns=fields_read)


def _l0(state: State, expr: ast.Call, ctx: Context) -> Column:
    value = (
        state.evaluate(expr.arguments[0], ctx)
        if len(expr.arguments) == 1 and not isinstance(expr.arguments[0], ast.Keyword | ast.Generator | ast.Schedule)
        else None
    )

    def chance(gates: Column, inner: Context) -> Column:
        known, asked = np.flatnonzero(gates.nodes == ATOM), np.flatnonzero(gates.nodes != ATOM)
        if any(not isinstance(state.builder.nodes[int(k)], DecisionNode) for k in np.unique(gates.nodes[asked])):
            raise state.builder.report("S0308", "l0(d) takes a decision of gates", expr.span)
        pieces = [(known, gates.take(known))]
        if len(asked):
            pieces.append(
                (asked, split.apply(state.builder, "l0", [gates.take(asked)], inner.restricted(asked), expr.span))
            )
        return scatter(inner.n, pieces)

    if isinstance(value, Family) and isinstance(value.statement, ast.Choose):
        return over_family(state, "mean", value, ctx, expr.span, "", chance)
    if isinstance(value, Column):
        return chance(value, ctx)
    raise state.builder.report("S0308", "l0(d) takes a decision of gates", expr.span)


def _classes(state: State, expr: ast.Call, ctx: Context) -> Column:
    return Column.uniform(ItemSet(tuple(range(state.schema.label.classes))), ctx.n)


OWN: Mapping[str, Callable[[State, ast.Call, Context], Any]] = {
    "count": _count,
    "subsets": _subsets,
    "subset": _subset,
    "values": _symbolic(ValuesOf),
    "elements": _symbolic(ElementsOf),
    "log": _log,
    "parameters": _cost("parameters"),
    "memory": _cost("memory"),
    "number": _one(fields.number),
    "value": _one(fields.value),
    "cardinality": _one(fields.cardinality),
    "frequency": _one(fields.frequency),
    "bucket": _bucket,
    "cross": fields.cross,
    "block": _block,
    "current": _current,
    "l0": _l0,
    "classes": _classes,
}

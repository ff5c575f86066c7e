"""What reads the data: embed weight number value bucket cross cardinality frequency block label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recspace.dsl import ast
from recspace.dsl.source import Span

from .atoms import Bucketed, Chosen, Crossed, FieldRef, Label, ValueVar, describe
from .columns import ATOM, Column, Context
from .decisions import Key
from .families import read
from .ir import Input
from .schema import Column as DataColumn
from .schema import Field
from .scopes import Family
from .shapes import NUMBER, Shape, sequence, vector
from .state import State


def field_of(state: State, name: str, span: Span) -> Field:
    return state.schema.field(name)


def atoms_of(state: State, column: Column, what: tuple[type, ...], need: str, span: Span) -> tuple[Any, ...]:
    """The column's atoms, all of the given kinds, or a diagnostic that says what is needed."""
    if column.has_atoms and column.constant:
        wrong = next((a for a in column.atoms if not isinstance(a, what)), None)
        if wrong is None:
            return column.atoms
        text = describe(wrong)
    else:
        text = "a value of the model"
    raise state.builder.report("S0309", f"{need} is needed here, and this is {text}", span, text)


FIELDLIKE = (FieldRef, Bucketed, Crossed)


def id_column(state: State, atom: Any, min_count: int, rows: int = 0) -> DataColumn:
    """The column that holds the ids of a field, of its buckets, or of a cross. Searched bins stand as −1."""
    match atom:
        case FieldRef(name):
            return DataColumn("id", (name,), min_count=min_count)
        case Bucketed(field, bins):
            return DataColumn("bucket", (field.name,), bins=(_bins(bins),), min_count=min_count)
        case Crossed(fields, bins, hashed):
            return DataColumn("cross", tuple(f.name for f in fields), tuple(map(_bins, bins)), min_count, hashed)
    raise AssertionError(atom)


def _bins(bins: int | Chosen) -> int:
    return -1 if isinstance(bins, Chosen) else bins


def kind_of(state: State, atom: Any) -> str:
    """ids, several (padded ids), number or vector: how a field is looked up."""
    if not isinstance(atom, FieldRef):
        return "ids"
    field = state.schema.field(atom.name)
    return "several" if field.several else "ids" if field.has_ids else field.kind


def look_up(
    state: State, operator: str, field: Column, options: Mapping[str, Column], ctx: Context, span: Span, layer: str,
    subscripts: Sequence[Key],
) -> Column:  # fmt: skip
    """embed(f, n) and weight(f): a table for each field (and subscript) at a place in the text."""
    atoms = atoms_of(state, field, FIELDLIKE, "a field", span)
    counts = options.get("min_count")
    minimum = [int(a) if isinstance(a, int) else 1 for a in counts.atoms] if counts is not None else [1] * ctx.n
    keys: list[Key] = [(str(a), *(subscripts[k] if subscripts else ())) for k, a in enumerate(atoms)]
    kinds = [kind_of(state, a) for a in atoms]
    columns = []
    for atom, kind, least in zip(atoms, kinds, minimum, strict=True):
        if kind in ("number", "vector"):
            columns.append(DataColumn(kind, (atom.name,)))  # type: ignore[arg-type]
        else:
            columns.append(id_column(state, atom, least, atom.rows if isinstance(atom, Crossed) else 0))
    widths = [state.schema.field(a.name).width if k == "vector" else 0 for a, k in zip(atoms, kinds, strict=True)]
    return state.builder.apply(
        operator, [], ctx, span, options=options, layer=layer, keys=keys, columns=columns,
        attributes=list(zip(kinds, widths, strict=True)),
    )  # fmt: skip


def looked_up_shape(kind: str, n: Any) -> Shape:
    """Shape of embed: a vector, or a sequence where a field has several values."""
    return sequence(n) if kind == "several" else vector(n)


def number(state: State, field: Column, ctx: Context, span: Span) -> Column:
    """number(f): the numeric value, standardised by the training rows."""
    atoms = atoms_of(state, field, (FieldRef,), "a field of numbers", span)
    for atom in atoms:
        if state.schema.field(atom.name).kind != "number":
            raise state.builder.report("S0309", f"`{atom}` is no field of numbers", span, f"a {state.schema.field(atom.name).kind}",
                                       help=f"write embed({atom}, n)")  # fmt: skip
    node = Input(index=ctx.index(), shape=NUMBER, span=span, columns=tuple(DataColumn("number", (a.name,)) for a in atoms))
    return Column.of_node(state.builder.add(node), ctx.n)


def value(state: State, field: Column, ctx: Context, span: Span) -> Column:
    """value(f): the id that an example has, to look families up by."""
    atoms = atoms_of(state, field, (FieldRef,), "a field", span)
    columns = []
    for atom in atoms:
        columns.append(DataColumn("id", (atom.name,)))
    return state.builder.apply("value", [], ctx, span, columns=columns, attributes=[kind_of(state, a) for a in atoms])


def bucket(state: State, field: Column, bins: Column, ctx: Context, span: Span) -> Column:
    """bucket(f, bins): a field made of a number's buckets."""
    atoms = atoms_of(state, field, (FieldRef,), "a field of numbers", span)
    made = []
    for row, atom in enumerate(atoms):
        many = bins.atoms[row] if bins.nodes[row] == ATOM else Chosen(int(bins.nodes[row]), int(bins.rows[row]))
        made.append(Bucketed(atom, many))
    return Column.of_atoms(made)


def cross(state: State, call: ast.Call, ctx: Context) -> Column:
    """cross(i, j, …) or cross(s): a field made of the combinations of several."""
    fields: list[Column] = []
    hashed: Column | None = None
    bins: Column | Family | None = None
    for argument in call.arguments:
        match argument:
            case ast.Keyword("hashed", inner):
                hashed = state.column(inner, ctx)
            case ast.Keyword("bins", inner):
                bins = state.evaluate(inner, ctx)
            case ast.Keyword() | ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", "cross() takes fields, `hashed` and `bins`", argument.span)
            case _:
                fields.append(state.column(argument, ctx))
    made = []
    for row in range(ctx.n):
        parts: list[FieldRef] = []
        for column in fields:
            atom = column.atoms[row] if column.nodes[row] == ATOM else None
            for one in atom if isinstance(atom, tuple) else (atom,):
                if not isinstance(one, FieldRef):
                    raise state.builder.report("S0309", f"cross() takes fields, and this is {describe(one)}", call.span)
                parts.append(one)
        cuts = tuple(_cut(state, f, bins, ctx, row, call.span) for f in parts)
        rows = hashed.atoms[row] if hashed is not None and hashed.constant else 0
        made.append(Crossed(tuple(parts), cuts, int(rows)))
    return Column.of_atoms(made)


def _cut(state: State, field: FieldRef, bins: Column | Family | None, ctx: Context, row: int, span: Span) -> int | Chosen:
    """Into how many buckets a number is cut inside a cross; 0 where the field brings its own ids."""
    own = state.schema.field(field.name)
    if own.has_ids:
        return 0
    match bins:
        case None:
            return 10
        case Column():
            atom = bins.atoms[row] if bins.nodes[row] == ATOM else Chosen(int(bins.nodes[row]), int(bins.rows[row]))
            return atom if isinstance(atom, int | Chosen) else 10
        case Family():
            found = bins.rows_of.get((0, field))
            if found is None:
                raise state.builder.report("S0203", f"`{bins.name}` has no element [{field}]", span)
            import numpy as np

            column = read(state, bins, np.array([found]), span)
            return column.atoms[0] if column.constant else Chosen(int(column.nodes[0]), int(column.rows[0]))


def cardinality(state: State, column: Column, ctx: Context, span: Span) -> Column:
    """cardinality(f): known values of a field."""
    return Column.of_atoms([cardinality_of(state, a) for a in atoms_of(state, column, FIELDLIKE, "a field", span)])


def cardinality_of(state: State, atom: Any, min_count: int = 1) -> int:
    match atom:
        case FieldRef(name):
            if min_count <= 1:
                return state.schema.field(name).cardinality
            return int((state.schema.statistics.counts(name) >= min_count).sum())
        case Bucketed(field, bins):
            return state.schema.statistics.bucket_cardinality(field.name, bins if isinstance(bins, int) else 10)
        case Crossed(fields, bins, hashed):
            cuts = tuple(b if isinstance(b, int) else 10 for b in bins)
            return hashed or state.schema.statistics.cross_cardinality(tuple(f.name for f in fields), min_count, cuts)
    raise AssertionError(atom)


def frequency(state: State, column: Column, ctx: Context, span: Span) -> Column:
    """frequency(v): training count of a value, v bound by `v in values(f)`."""
    atoms = atoms_of(state, column, (ValueVar,), "a value bound by `v in values(f)`", span)
    return state.builder.apply("frequency", [], ctx, span, columns=[DataColumn("id", (a.field,)) for a in atoms])


def block(state: State, field: Column, blocks: Column, over: Column | None, ctx: Context, span: Span) -> Column:
    """block(f, S, over = field): frequency block 1 (most frequent) to S of the value that an example has."""
    atoms = atoms_of(state, field, (FieldRef,), "a field", span)
    scope = over.atoms[0] if over is not None and ctx.n else Label("field")
    name = str(scope)
    if name not in ("field", "all"):
        raise state.builder.report("S0310", f"block() counts over `field` or over `all`, not over `{name}`", span)
    options = {"blocks": blocks, "over": Column.uniform(name, ctx.n)}
    return state.builder.apply("block", [], ctx, span, options=options, columns=[DataColumn("id", (a.name,)) for a in atoms],
                               attributes=[kind_of(state, a) for a in atoms])  # fmt: skip


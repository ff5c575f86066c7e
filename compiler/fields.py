"""What reads the data: embed weight number value bucket cross cardinality frequency block label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from . import split
from .atoms import Bucketed, Chosen, Crossed, FieldRef, Label, ValueVar, describe
from .builder import Failed
from .call_options import whole_from_one
from .columns import ATOM, Column, Context, scatter
from .decisions import Key
from .families import read
from .ir import Input, Rows
from .schema import Column as DataColumn
from .scopes import Family
from .shapes import NUMBER, sequence, vector
from .state import State
from .table_options import table_options


def atoms_of(state: State, column: Column, what: tuple[type, ...], need: str, span: Span) -> tuple[Any, ...]:
    """The column's atoms, all of the given kinds, or a diagnostic that says what is needed."""
    if column.has_atoms and column.constant:
        wrong = next((a for a in column.atoms if not isinstance(a, what)), None)
        if wrong is None:
            return column.atoms
        text = describe(wrong)
        if isinstance(wrong, str) and FieldRef in what:
            raise no_column(state, wrong, span)
        if isinstance(wrong, Label) and FieldRef in what:
            said = f"{need} is needed here, and no column of the data has the name or the role `{wrong.name}`"
            hint = f"say which it is: --rename COLUMN={wrong.name}, or in the data block COLUMN: category(role = {wrong.name})"
            raise state.builder.report("S0309", said, span, f"no column `{wrong.name}`", help=hint)
    else:
        text = "a value of the model"
    raise state.builder.report("S0309", f"{need} is needed here, and this is {text}", span, text)


def no_column(state: State, name: str, span: Span) -> Failed:
    """A column in quotes that the data does not have."""
    near = nearest(name, [f.name for f in state.schema.fields])
    help = f'did you mean "{near}"?' if near else ""
    return state.builder.report("S0104", f'no column is called "{name}"', span, "not known here", help=help)


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
    subscripts: Sequence[Key], width: Span | None = None,
) -> Column:  # fmt: skip
    """embed(f, n) and weight(f): a table for each field (and subscript) at a place in the text."""
    atoms = atoms_of(state, field, FIELDLIKE, "a field", span)
    counts = options.get("min_count")
    minimum = [int(a) if isinstance(a, int) else 1 for a in counts.atoms] if counts is not None else [1] * ctx.n
    keys: list[Key] = [(str(a), *(subscripts[k] if subscripts else ())) for k, a in enumerate(atoms)]
    if width is not None and state.bound is None:
        _one_width(state, options["n"], layer, keys, span, width)
    read_in = inputs(state, atoms, minimum, ctx, span)
    options = table_options(state, atoms, [kind_of(state, a) for a in atoms], options, span)
    return split.apply(state.builder, operator, [read_in], ctx, span, options=options, layer=layer, keys=keys)


def _one_width(state: State, widths: Column, layer: str, keys: Sequence[Key], span: Span, width: Span) -> None:
    """A place in the text has one table for a field (and subscript), and so one width."""
    for k, key in enumerate(keys):
        own = widths.atoms[k] if widths.nodes[k] == ATOM else None
        first = state.tables.setdefault((layer, key), own) if own is not None else None
        if first != own:
            called = Span(span.source, span.start, span.start + len("embed"))
            keyed = f"embed[{width.text}]"
            raise state.builder.report(
                "S0310", f"embed() has one table for `{key[0]}` here, and this asks for widths of {first} and {own}", width, f"{first} and {own}",
                help="" if len(key) > 1 else f"a subscript gives each width a table of its own: {keyed}(…)",
                edits=() if len(key) > 1 else (Edit(called, keyed),),
            )  # fmt: skip


def inputs(state: State, atoms: Sequence[Any], minimum: Sequence[int], ctx: Context, span: Span) -> Column:
    """What an example holds for some fields: one node for each way of holding it."""
    facts = [_fact(state, a) for a in atoms]
    pieces = []
    for fact in dict.fromkeys(facts):
        rows = np.array([k for k, f in enumerate(facts) if f == fact], dtype=np.int64)
        columns = tuple(_data_column(state, atoms[r], fact[0], minimum[r]) for r in rows)
        shape = {"several": sequence(1), "vector": vector(max(fact[1], 1))}.get(fact[0], NUMBER)
        node = Input(index=ctx.index().take(Rows(rows)), shape=shape, span=span, columns=columns)
        pieces.append((rows, Column.of_node(state.builder.add(node), len(rows))))
    return scatter(ctx.n, pieces)


def _fact(state: State, atom: Any) -> tuple[str, int, str]:
    """How a field is held (ids, several, number, vector), the length of a vector, how several values are pooled."""
    kind = kind_of(state, atom)
    field = state.schema.field(atom.name) if isinstance(atom, FieldRef) else None
    return kind, field.width if field and kind == "vector" else 0, field.pool if field and kind == "several" else ""


def _data_column(state: State, atom: Any, kind: str, min_count: int) -> DataColumn:
    match kind:
        case "number" | "vector":
            return DataColumn(kind, (atom.name,))
    return id_column(state, atom, min_count, atom.rows if isinstance(atom, Crossed) else 0)


def number(state: State, field: Column, ctx: Context, span: Span) -> Column:
    """number(f): the numeric value, standardised by the training rows."""
    atoms = atoms_of(state, field, (FieldRef,), "a field of numbers", span)
    for atom in atoms:
        if state.schema.field(atom.name).kind != "number":
            raise state.builder.report("S0309", f"`{atom}` is no field of numbers", span, f"a {state.schema.field(atom.name).kind}",
                                       help=f"write embed({atom}, n)")  # fmt: skip
    node = Input(
        index=ctx.index(), shape=NUMBER, span=span, columns=tuple(DataColumn("number", (a.name,)) for a in atoms)
    )
    return Column.of_node(state.builder.add(node), ctx.n)


def value(state: State, field: Column, ctx: Context, span: Span) -> Column:
    """value(f): the id that an example has, to look families up by."""
    atoms = atoms_of(state, field, (FieldRef,), "a field", span)
    return split.apply(state.builder, "value", [inputs(state, atoms, [1] * ctx.n, ctx, span)], ctx, span)


def bucket(state: State, field: Column, bins: Column, ctx: Context, span: Span) -> Column:
    """bucket(f, bins): a field made of a number's buckets."""
    atoms = atoms_of(state, field, (FieldRef,), "a field of numbers", span)
    odd = next((a for a in atoms if state.schema.field(a.name).kind != "number"), None)
    if odd is not None:
        kind = state.schema.field(odd.name).kind
        raise state.builder.report("S0309", f"`{odd}` is no field of numbers", span, f"a {kind}",
                                   help=f"only a number is cut into buckets; describe it as one in the data block: {odd}: number()")  # fmt: skip
    whole_from_one(state, "bucket", "bins", bins, span)
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
            case ast.Keyword("hashed", inner) if not isinstance(inner, ast.Schedule):
                hashed = state.column(inner, ctx)
                if not hashed.constant:
                    raise state.builder.report("S0213", "the rows of a hashed cross are known when compiling", inner.span, "decided later")  # fmt: skip
                whole_from_one(state, "cross", "hashed", hashed, inner.span)
            case ast.Keyword("bins", inner) if not isinstance(inner, ast.Schedule):
                bins = state.evaluate(inner, ctx)
                if isinstance(bins, Column):
                    whole_from_one(state, "cross", "bins", bins, inner.span)
            case ast.Keyword() | ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", "cross() takes fields, `hashed` and `bins`", argument.span)
            case _:
                fields.append(state.column(argument, ctx))
    if hashed is not None and not hashed.constant:
        raise state.builder.report(
            "S0630", "a searched number of hashed rows has no implementation yet", call.span, "`hashed` is one number"
        )
    made = []
    for row in range(ctx.n):
        parts: list[FieldRef] = []
        for column in fields:
            atom = column.atoms[row] if column.nodes[row] == ATOM else None
            for one in atom if isinstance(atom, tuple) else (atom,):
                if isinstance(one, str):
                    raise no_column(state, one, call.span)
                if not isinstance(one, FieldRef):
                    raise state.builder.report("S0309", f"cross() takes fields, and this is {describe(one)}", call.span)
                _crossable(state, one, call.span)
                parts.append(one)
        if not parts:
            raise state.builder.report("S0309", "cross() takes fields, and these are none", call.span, "no field")
        cuts = tuple(_cut(state, f, bins, ctx, row, call.span) for f in parts)
        rows = hashed.atoms[row] if hashed is not None else 0
        made.append(Crossed(tuple(parts), cuts, int(rows)))
    return Column.of_atoms(made)


def _crossable(state: State, field: FieldRef, span: Span) -> None:
    """On a table, which is read when a cross is counted, a field of several values or a vector is an error."""
    known = state.schema.field(field.name)
    if state.schema.rows and not state.schema.example and (known.several or known.kind == "vector"):
        holds = "several values" if known.several else "a vector"
        raise state.builder.report(
            "S0532", f"`{field}` holds {holds}, and a cross is of fields that hold one", span, f"`{field}` is one of them",
            help="cross fields of one value alone: `i < j in categorical`, or without this one: "
            f"`i < j in fields - {{{field}}}`",
        )  # fmt: skip


def _cut(
    state: State, field: FieldRef, bins: Column | Family | None, ctx: Context, row: int, span: Span
) -> int | Chosen:
    """Into how many buckets a number is cut inside a cross; 0 where the field brings its own ids."""
    own = state.schema.field(field.name)
    if own.kind != "number":
        return 0
    match bins:
        case None:
            return 0 if own.has_ids else 10
        case Column():
            atom = bins.atoms[row] if bins.nodes[row] == ATOM else Chosen(int(bins.nodes[row]), int(bins.rows[row]))
            return atom if isinstance(atom, int | Chosen) else 10
        case Family():
            found = bins.rows_of.get((0, field))
            if found is None:
                raise state.builder.report("S0203", f"`{bins.name}` has no element [{field}]", span)
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
    statistic = [DataColumn("id", (a.field,)) for a in atoms]
    return split.apply(state.builder, "frequency", [], ctx, span, columns=statistic)


def block(state: State, field: Column, blocks: Column, over: Column | None, ctx: Context, span: Span) -> Column:
    """block(f, S, over = field): frequency block 1 (most frequent) to S of the value that an example has."""
    atoms = atoms_of(state, field, (FieldRef,), "a field", span)
    whole_from_one(state, "block", "S", blocks, span)
    scope = over.atoms[0] if over is not None and ctx.n else Label("field")
    name = str(scope)
    if name not in ("field", "all"):
        raise state.builder.report("S0310", f"block() counts over `field` or over `all`, not over `{name}`", span)
    options = {"blocks": blocks, "over": Column.uniform(name, ctx.n)}
    return split.apply(
        state.builder, "block", [inputs(state, atoms, [1] * ctx.n, ctx, span)], ctx, span, options=options
    )

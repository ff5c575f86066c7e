"""A `data` block's syntax tree → a DataSpec. Expressions are read as they are written; nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit, Note, SpaceError
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from .meanings import MEANINGS
from .names import quoted
from .options import Options, number
from .spec import (
    ColumnSplit,
    Comparison,
    DataSpec,
    Feature,
    GroupSplit,
    LeaveOneOut,
    Meaning,
    RandomSplit,
    Sequence,
    Split,
    Target,
    TimeSplit,
)

SPECIAL = ("source", "label", "split", "weight")
COMPARISONS: dict[str, Comparison] = {"==": "==", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
ROLES = ("user", "item", "context", "history")
SPLITS = ("random", "column", "time", "grouped", "leave_one_out")


@dataclass(slots=True)
class _Reading:
    """What has been read of one block, and the faults found in it."""

    features: list[Feature] = field(default_factory=list)
    target: Target | None = None
    split: Split = field(default_factory=RandomSplit)
    source: str = ""
    weight: str = ""
    time: str = ""
    found: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


def read_block(data: ast.Data) -> DataSpec:
    """The meaning of a data block. Raises SpaceError with every fault of the block, S0510 to S0517."""
    reading = _Reading()
    seen: dict[tuple[str, bool], ast.Entry] = {}
    special: dict[str, Callable[[ast.Entry, _Reading], None]] = {
        "source": _source, "label": _label, "split": _split, "weight": _weight, "time": _time,
    }  # fmt: skip
    for entry in data.entries:
        own = not entry.quoted and (entry.name in SPECIAL or (entry.name == "time" and _names_a_column(entry.value)))
        first = seen.setdefault((entry.name, own), entry)
        if first is not entry:
            note = Note(first.name_span, "it is first described here")
            message = f"`{entry.name}` is described twice"
            reading.found.append(Diagnostic("S0515", message, entry.name_span, notes=(note,)))
        elif own:
            special[entry.name](entry, reading)
        else:
            _feature(entry, reading)
    _check_sequences(reading, {e.name for e in data.entries})
    if not reading.features and not reading.found:
        text = f"`{data.name}` describes no column"
        help_text = "describe at least one, for example  user: category(role = user)"
        reading.found.append(Diagnostic("S0517", text, data.name_span, help=help_text))
    if reading.found:
        raise SpaceError(reading.found)
    home = Path(data.span.source.name).parent
    return DataSpec(
        data.name, reading.source, tuple(reading.features), reading.target, reading.split, reading.weight, data.doc,
        reading.time, folder=str(home), span=data.name_span, warnings=tuple(reading.warnings),
    )  # fmt: skip


def column_named(expr: ast.Expr) -> str | None:
    """The column that a name or a string names."""
    match expr:
        case ast.Name(name):
            return name
        case ast.String(value):
            return value
        case _:
            return None


def _source(entry: ast.Entry, reading: _Reading) -> None:
    if isinstance(entry.value, ast.String) and entry.value.value.strip() and "\0" not in entry.value.value:
        reading.source = entry.value.value
        return
    span = entry.value.span
    path = span.text.replace(" ", "")
    plain = not isinstance(entry.value, ast.String) and re.fullmatch(r"[\w./-]+", path)
    help_text = "write the path in quotation marks" if plain else 'write a path, as in  source: "table.parquet"'
    edits = (Edit(span, quoted(path)),) if plain else ()
    reading.found.append(Diagnostic("S0512", "the source is no path", span, help=help_text, edits=edits))


def _weight(entry: ast.Entry, reading: _Reading) -> None:
    name = column_named(entry.value)
    if name is None:
        text = "a weight is a column"
        reading.found.append(Diagnostic("S0513", text, entry.value.span, help="write  weight: column"))
    else:
        reading.weight = name


def _time(entry: ast.Entry, reading: _Reading) -> None:
    reading.time = column_named(entry.value) or ""


def _names_a_column(value: ast.Expr) -> bool:
    """`time: timestamp` says when rows happened; `time: number()` is a column called `time`."""
    return column_named(value) is not None and column_named(value) not in MEANINGS


def _label(entry: ast.Entry, reading: _Reading) -> None:
    target = target_of(entry.value)
    if isinstance(target, Target):
        reading.target = target
        return
    help_text = target or "write a column, a comparison such as  rating >= 4  or  classes(column)"
    message = "the label is neither a column nor a comparison of one with a value"
    reading.found.append(Diagnostic("S0513", message, entry.value.span, help=help_text))


def target_of(expr: ast.Expr) -> Target | str:
    """The label that an expression says, or advice."""
    if (name := column_named(expr)) is not None:
        return Target(name, span=expr.span)
    match expr:
        case ast.Call(ast.Name("classes"), (argument,)) if not isinstance(
            argument, ast.Generator | ast.Keyword | ast.Schedule
        ):
            inner = column_named(argument)
            return Target(inner, classes=True, span=expr.span) if inner is not None else ""
        case ast.Binary(operator, left, right) if operator in COMPARISONS:
            name, value = column_named(left), _constant(right)
            if name is None and column_named(right) is not None and _constant(left) is not None:
                return "put the column on the left of the comparison"
            if name is None or value is None:
                return ""
            if isinstance(value, str) and operator not in ("==", "!="):
                return "a text can be compared with == and != alone"
            return Target(name, COMPARISONS[operator], value, span=expr.span)
        case _:
            return ""


def _constant(expr: ast.Expr) -> int | float | str | None:
    return expr.value if isinstance(expr, ast.String) else number(expr)


def _feature(entry: ast.Entry, reading: _Reading) -> None:
    kinds = ", ".join(MEANINGS)
    call = entry.value
    if isinstance(call, ast.Name) and call.name in MEANINGS:
        call = ast.Call(call, (), call.span)
    if not isinstance(call, ast.Call) or not isinstance(call.function, ast.Name):
        text = f"`{entry.name}` is not described by what it holds"
        reading.found.append(Diagnostic("S0510", text, entry.value.span, help=f"use one of: {kinds}"))
        return
    kind = call.function.name
    if kind not in MEANINGS:
        meant = nearest(kind, MEANINGS)
        help_text = f"did you mean `{meant}`?" if meant else f"use one of: {kinds}"
        edits = (Edit(call.function.span, meant),) if meant else ()
        text = f"no column is a `{kind}`"
        reading.found.append(Diagnostic("S0510", text, call.function.span, help=help_text, edits=edits))
        return
    meaning = _meaning(kind, call, reading)
    if meaning is not None:
        reading.features.append(Feature(entry.name, entry.name, meaning, entry.name_span, entry.span))


def _meaning(kind: str, call: ast.Call, reading: _Reading) -> Meaning | None:
    before = len(reading.found)
    options = Options(kind, call, reading.found)
    meaning = MEANINGS[kind](options)
    options.refuse_the_rest()
    for argument in call.arguments:
        if isinstance(argument, ast.Keyword) and argument.name == "role" and meaning.role not in ("", *ROLES):
            reading.warnings.append(_strange_role(meaning.role, argument.value.span))
    return meaning if len(reading.found) == before else None


def _strange_role(role: str, span: Span) -> Diagnostic:
    near = nearest(role, ROLES)
    help_text = (
        f"did you mean `{near}`?" if near else f"roles are {', '.join(ROLES)}; any other is found by its name alone"
    )
    edits = (Edit(span, near),) if near else ()
    text = f"no shipped space asks for the role `{role}`"
    return Diagnostic("S0568", text, span, "a role of your own", (), help_text, edits, "warning")


def _check_sequences(reading: _Reading, names: set[str]) -> None:
    for feature in reading.features:
        if isinstance(feature.meaning, Sequence) and feature.meaning.of and feature.meaning.of not in names:
            meant = nearest(feature.meaning.of, names)
            help_text = f"did you mean `{meant}`?" if meant else "describe that column too"
            text = f"`{feature.name}` is a sequence of `{feature.meaning.of}`, which is not described"
            reading.found.append(Diagnostic("S0516", text, feature.span, help=help_text))


def _split(entry: ast.Entry, reading: _Reading) -> None:
    call = entry.value
    kind = call.function.name if isinstance(call, ast.Call) and isinstance(call.function, ast.Name) else None
    if not isinstance(call, ast.Call) or kind not in SPLITS:
        meant = nearest(kind, SPLITS) if kind else None
        help_text = f"did you mean `{meant}`?" if meant else 'write  split: random(0.8, 0.1, 0.1)  or  column("split")'
        reading.found.append(Diagnostic("S0514", "this is no split", entry.value.span, help=help_text))
        return
    before = len(reading.found)
    options = Options(kind, call, reading.found)
    split = _read_split(kind, options, call.span)
    if split is not None:
        options.refuse_the_rest()
    if len(reading.found) == before and split is not None:
        reading.split = split


def _read_split(kind: str, options: Options, span: Span) -> Split | None:
    column = "" if kind == "random" else options.column()
    if column is None:
        return None
    if kind == "column":
        return ColumnSplit(column, options.share("valid", 0.1), span)
    if kind == "leave_one_out":
        return LeaveOneOut(column, options.word("time", ""), options.maybe_whole("seed", 0), span)
    shares = options.shares()
    if shares is None:
        return None
    match kind:
        case "random":
            return RandomSplit(shares, options.maybe_whole("seed", 0), span)
        case "time":
            return TimeSplit(column, shares, span)
        case _:
            return GroupSplit(column, shares, options.maybe_whole("seed", 0), span)

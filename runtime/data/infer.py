"""A bare table → a DataSpec, by the names, types and values of its columns. Whatever is left out is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Span

from .cells import Floats
from .faults import fault, file_span, shown, warning, where
from .labels import written
from .leaks import leak, tells_number
from .read import MISSING_WORDS, REAL, read
from .spec import Category, ColumnSplit, DataSpec, Feature, Many, Meaning, Number, RandomSplit, Sequence, Target, Vector
from .split import NAMES
from .target import fit_labelling, positive

LABELS = ("label", "click", "target", "rating")
USERS = re.compile(r"user|member|customer|visitor|client", re.I)
ITEMS = re.compile(r"item|movie|product|article|song|track|book|ad|app|video|news", re.I)
CONTEXTS = re.compile(
    r"(day ?time|week ?day|day_of_week|is_?weekend|weekend|hour|month|season|weather|device|device_type|os|browser)",
    re.I,
)
HISTORIES = re.compile(r".*(hist|history|sequence|clicked|watched|last_items)$", re.I)
TIMES = re.compile(r"(time_?stamp|time|date|date_?time|ts)", re.I)
FEW = 256
"""A whole number with more different values is a quantity, unless its name says that it is an id."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column is taken for: a meaning, or None and why it is left out."""

    meaning: Meaning | None
    reason: str = ""
    warnings: tuple[Diagnostic, ...] = ()


def infer(path: str | Path, label: str | None = None) -> DataSpec:
    """The inferred meaning of the table at `path`. Raises SpaceError of `read`, S0507, S0530, S0551."""
    return infer_table(read(path), str(path), label)


def infer_table(table: pl.DataFrame, source: str, label: str | None = None, *, guess: bool = False) -> DataSpec:
    """The same for a table that has been read; `source` is its path.

    `guess`: a label that cannot be one as it stands is no fault, but told among the warnings: the block is still shown.
    """
    span = file_span(source)
    target, doubts = guessed_label(table, label, span) if guess else (find_label(table, label, span), ())
    split, notes = find_split(table, span)
    broken = any(d.severity == "error" for d in doubts)
    labels, rows = training_labels(table, None if broken else target, split)
    warnings = [*doubts, *notes]
    if target is None:
        text = "no column is called label, click, target or rating: every row counts as a positive"
        warnings.append(warning("S0550", text, span, help="name one with --label COLUMN"))
    features: list[Feature] = []
    item = next((c for c in table.columns if role(c) == "item"), "")
    taken = {target.column if target else "", split.column if isinstance(split, ColumnSplit) else ""}
    for name in table.columns:
        if name in taken:
            continue
        verdict = judge(table[name], table[name][rows], labels, item, span)
        warnings += verdict.warnings
        if verdict.meaning is not None:
            features.append(Feature(name, name, verdict.meaning))
    if not features:
        raise fault("S0551", "no column of the table can be a feature", span, help="describe them in a data block")
    return DataSpec(
        _block_name(source), source, tuple(_first_roles(features)), target, split,
        span=span, inferred=True, warnings=tuple(warnings),
    )  # fmt: skip


def find_label(table: pl.DataFrame, label: str | None, span: Span) -> Target | None:
    """What `--label` says, or the first of `LABELS`. Raises SpaceError S0507, S0513, S0523, S0530."""
    if label is not None and label not in table.columns:
        target = written(label, table.columns)
        fit_labelling(table[target.column], target)
        return target
    name = label if label is not None else _named_label(table)
    if name is None:
        return None
    target = Target(name, span=span)
    fit_labelling(table[name], target)
    return target


def guessed_label(table: pl.DataFrame, label: str | None, span: Span) -> tuple[Target | None, tuple[Diagnostic, ...]]:
    """As `find_label`; of two texts the one that a label probably asks after is the positive."""
    try:
        return find_label(table, label, span), ()
    except SpaceError as error:
        name = label if label in table.columns else _named_label(table)
        if name is None or any(d.code == "S0507" for d in error.diagnostics):
            raise
        values = table[name].drop_nulls().unique().sort()
        if table[name].dtype != pl.String or values.len() != 2:
            return Target(name, span=span), error.diagnostics
        text = f"the label `{name}` is text: {shown(positive(values))} is taken for the positive"
        return Target(name, "==", positive(values), span=span), (warning("S0530", text, span, help="correct the line"),)


def _named_label(table: pl.DataFrame) -> str | None:
    lower = {c.lower(): c for c in reversed(table.columns)}
    return next((lower[w] for w in LABELS if w in lower), None)


def find_split(table: pl.DataFrame, span: Span) -> tuple[ColumnSplit | RandomSplit, tuple[Diagnostic, ...]]:
    """A column named split with the parts of one; else random parts."""
    name = next((c for c in table.columns if c.lower() == "split"), None)
    if name is None:
        return RandomSplit(seed=SEED), ()
    words = table[name].cast(pl.String, strict=False).str.to_lowercase().unique()
    parts = {NAMES.get(w) if isinstance(w, str) else None for w in words.to_list()[:20]}
    if {0, 2} <= parts <= {0, 1, 2}:
        return ColumnSplit(name), ()
    text = f"column `{name}` does not hold train, valid and test: the rows are split by chance"
    return RandomSplit(seed=SEED), (warning("S0564", text, span),)


def training_labels(
    table: pl.DataFrame, target: Target | None, split: ColumnSplit | RandomSplit
) -> tuple[Floats | None, pl.Series]:
    """Labels [N of the training rows] and which rows these are (all of them for a random split)."""
    rows = pl.Series(np.arange(table.height))
    if isinstance(split, ColumnSplit):
        words = table[split.column].cast(pl.String).str.to_lowercase()
        rows = words.is_in([w for w, part in NAMES.items() if part == 0]).fill_null(False).arg_true()
    if target is None:
        return None, rows
    labels = fit_labelling(table[target.column], target).encode(table[target.column])
    return labels[rows.to_numpy()].astype(np.float64), rows


def role(name: str) -> str:
    """The role that the name of a column speaks of: `user_id` and `UserID` are the user."""
    bare = re.sub(r"([_ ]?(id|idx|index|code))$", "", name, flags=re.I)
    if USERS.fullmatch(bare):
        return "user"
    if ITEMS.fullmatch(bare):
        return "item"
    return "context" if CONTEXTS.fullmatch(name) else ""


def judge(column: pl.Series, train: pl.Series, labels: Floats | None, item: str, span: Span) -> Verdict:
    """What a column is taken for; `train` and `labels` are those of the training rows."""
    name = column.name
    if not name or "\n" in name or "\r" in name:
        return _out("S0562", f"column {name!r} has a name that cannot be written and is left out", "its name", span)
    if TIMES.fullmatch(name) or column.dtype.is_temporal():
        advice = f"split by it with  split: time(`{name}`, 0.8, 0.1, 0.1)"
        return _out("S0566", f"column `{name}` is a time and left out", "a time", span, advice)
    if isinstance(column.dtype, (pl.Struct, pl.Object)) or column.dtype == pl.Binary:
        return _out("S0562", f"column `{name}` holds {column.dtype} and is left out", "no values", span)
    if isinstance(column.dtype, (pl.List, pl.Array)):
        return Verdict(_several(column, item))
    distinct = column.drop_nulls().n_unique()
    if distinct == 0 or (distinct == 1 and column.null_count() == 0):
        return _out("S0562", f"column `{name}` has one value and is left out", "one value", span)
    named = role(name) in ("user", "item")
    if not named and _identifies(column, distinct):
        text = f"column `{name}` has another value in nearly every row, like an id, and is left out"
        return _out("S0560", text, "an id", span)
    if labels is not None:
        binary = bool(np.isin(labels, (0.0, 1.0)).all())
        why = leak(train, labels) if binary else tells_number(train, labels)
        if why:
            advice = "if it is known before the label is, describe it in a data block"
            return _out("S0561", f"column `{name}` {why} and is left out", "leaks the label", span, advice)
    return _single(column, distinct, span)


def _identifies(column: pl.Series, distinct: int) -> bool:
    """Whether nearly every row has a value of its own that is no quantity.

    A whole number is an id by its name, or where its values leave few gaps, rise from row to row or exceed 2 ** 53.
    """
    if distinct <= 0.9 * column.len() or column.len() < 20 or column.dtype.is_float() or column.dtype.is_decimal():
        return False
    if not column.dtype.is_integer() or _named_id(column.name):
        return True
    known = column.drop_nulls().cast(pl.Float64).to_numpy()
    gaps = known.max() - known.min() > 2 * known.size
    return not gaps or bool((np.diff(known) >= 0).all()) or float(np.abs(known).max()) > 2**53


def _single(column: pl.Series, distinct: int, span: Span) -> Verdict:
    name, kind = column.name, role(column.name)
    warnings: tuple[Diagnostic, ...] = ()
    if column.dtype == pl.String:
        if separator := _separator(column, distinct):
            return Verdict(Many(separator=separator))
        warnings = _odd_cells(column, span)
    elif column.dtype.is_float() or column.dtype.is_decimal():
        whole = column.drop_nulls().cast(pl.Float64)
        if distinct > 10 or not bool((whole == whole.round()).all()):
            return Verdict(Number(bins=10))
    elif column.dtype.is_integer() and distinct > FEW and kind not in ("user", "item") and not _named_id(name):
        return Verdict(Number(bins=10))
    if distinct > 0.5 * column.len() and column.len() >= 20 and kind not in ("user", "item"):
        text = f"column `{name}` has {distinct:,} values in {column.len():,} rows and may be an id"
        warnings = (*warnings, warning("S0560", text, span))
    return Verdict(Category(role=kind), warnings=warnings)


def _several(column: pl.Series, item: str) -> Meaning:
    listed = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    length = listed.list.len().drop_nulls()
    inner = listed.dtype.inner if isinstance(listed.dtype, pl.List) else None
    if inner is not None and inner.is_float() and length.n_unique() == 1 and length[0] > 1:
        return Vector(int(length[0]))
    if HISTORIES.fullmatch(column.name):
        return Sequence(of=item, role="history")
    return Many()


def _separator(column: pl.Series, distinct: int) -> str:
    """The sign that cuts text into several values, if cutting leaves far fewer values."""
    known = column.drop_nulls()
    for sign in ("|", ";"):
        holds = known.str.contains(sign, literal=True)
        if holds.sum() > 0.2 * known.len() and known.str.split(sign).explode().n_unique() < distinct / 2:
            return sign
    return ""


def _odd_cells(column: pl.Series, span: Span) -> tuple[Diagnostic, ...]:
    """A column of text that is nearly all numbers is said, with the rows that are not."""
    number = column.str.contains(REAL) | column.is_in(MISSING_WORDS)
    odd = (~number).fill_null(False)
    if not odd.any() or odd.sum() > 0.05 * column.len():
        return ()
    text = f"column `{column.name}` is all numbers but for `{column.filter(odd)[0]}` in {where(odd)}: taken as category"
    return (warning("S0563", text, span, help="correct the cells and declare it as number(bins = 10)"),)


def _named_id(name: str) -> bool:
    return re.search(r"(^|[_ ])(id|idx|index|code|zip|zip_?code)$|Id$|ID$", name) is not None


def _out(code: str, text: str, reason: str, span: Span, advice: str = "") -> Verdict:
    return Verdict(None, reason, (warning(code, text, span, help=advice),))


def _first_roles(features: list[Feature]) -> list[Feature]:
    """Users and items have one field each: of several columns the first keeps the role."""
    seen: set[str] = set()
    result = []
    for feature in features:
        meaning = feature.meaning
        if isinstance(meaning, Category) and meaning.role in ("user", "item"):
            if meaning.role in seen:
                meaning = Category(min_count=meaning.min_count)
            seen.add(feature.meaning.role)
        result.append(Feature(feature.name, feature.column, meaning))
    return result


def _block_name(source: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]+", "_", Path(source).stem).strip("_")
    return name if re.match(r"[A-Za-z_]", name) else "table"

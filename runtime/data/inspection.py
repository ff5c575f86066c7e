"""`recspace data inspect`: what a table holds, what is inferred from it, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from recspace.dsl.diagnostics import Diagnostic

from .faults import shown
from .infer import infer_table
from .read import read
from .render import to_block
from .spec import DataSpec


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """`use`: feature, label, split or "" (left out). `examples`: the most frequent values, as text."""

    name: str
    type: str
    distinct: int
    missing: int
    examples: tuple[str, ...]
    use: str


@dataclass(frozen=True, slots=True)
class Report:
    """`block` is the text of the inferred data block; `warnings` are diagnostics."""

    rows: int
    columns: tuple[ColumnFacts, ...]
    spec: DataSpec
    block: str
    warnings: tuple[Diagnostic, ...]


def inspect(path: str | Path, label: str | None = None) -> Report:
    """Reads a table and reports on it. Raises SpaceError as `infer` does, but a label that cannot be one is told."""
    table = read(path)
    spec = infer_table(table, str(path), label, guess=True)
    facts = tuple(_facts(table[name], spec) for name in table.columns)
    return Report(table.height, facts, spec, pasted(spec), spec.warnings)


def pasted(spec: DataSpec) -> str:
    """The block of an inferred table for any file: a source is looked for from the file's folder, so it is absolute."""
    return to_block(replace(spec, source=str(Path(spec.folder, spec.source).absolute())))


def _facts(column: pl.Series, spec: DataSpec) -> ColumnFacts:
    flat = column
    if isinstance(column.dtype, pl.Array):
        flat = column.arr.to_list()
    if isinstance(flat.dtype, pl.List):
        flat = flat.explode()
    countable = not isinstance(flat.dtype, (pl.Struct, pl.Object, pl.List))
    common = flat.drop_nulls().value_counts(sort=True).head(3)[column.name].to_list() if countable else []
    distinct = flat.drop_nulls().n_unique() if countable else 0
    examples = tuple(shown(v) for v in common)
    return ColumnFacts(column.name, str(column.dtype), distinct, column.null_count(), examples, _use(column.name, spec))


def _use(name: str, spec: DataSpec) -> str:
    if spec.target and spec.target.column == name:
        return "label"
    if name == getattr(spec.split, "column", None):
        return "split"
    return "feature" if any(f.column == name for f in spec.features) else ""

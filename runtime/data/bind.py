"""A table bound to its meaning: encoders fitted on training rows, the schema to compile a space with, and the rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.compiler.schema import Column, Label, Schema
from recspace.dsl.diagnostics import Diagnostic

from . import split as splits
from .encoding import CrossKey, Encoding, Lists, Rows, bins_of, listed
from .extending import taken_over
from .faults import fault, meant, warning, where
from .fingerprint import Fingerprint, fingerprint
from .fitting import Training, field_of, fit_encoders
from .leaks import told_by_label
from .numbers import fit_scale
from .read import column_names, read
from .spec import DataSpec, GroupSplit, RandomSplit
from .statistics import TrainingStatistics, quantile_buckets
from .target import Labelling, Labels, fit_labelling
from .vocabulary import fit_cross

if TYPE_CHECKING:
    from .crossings import Crossing
    from .encoded import Encoded

ROOM = 256 * 2**20
"""Bytes of fitted crosses."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Rows with their meaning. `part` [N] is 0 train, 1 valid, 2 test; `group` [N] where a split keeps groups together.

    `warnings` are diagnostics for the user. `encoding.buckets` and `encoding.crosses` grow with the columns asked for; of
    crosses about `ROOM` bytes are kept beside those asked for last, and the others fitted again where they are needed.
    """

    spec: DataSpec
    schema: Schema
    encoding: Encoding
    rows: Rows
    part: NDArray[np.uint8]
    labels: Labels | None
    weights: NDArray[np.float32] | None
    group: NDArray[np.int64] | None
    digest: Fingerprint
    time: NDArray[np.float64] | None = None
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)

    def fingerprint(self) -> Fingerprint:
        """Of the cells of the columns read, their meaning and the split."""
        return self.digest

    def encode(self, columns: Sequence[Column]) -> Encoded:
        """The columns of a model as tensors, for all rows."""
        from .encoded import encoded

        self.prepare(columns)
        return encoded(self.encoding, self.rows, columns, self.part, self.labels, self.weights, self.group, self.time)

    def encode_table(self, path: Path, columns: Sequence[Column]) -> Encoded:
        """The columns of a model for the rows of another table, which needs no labels.

        Raises SpaceError with S05xx where it cannot be read or lacks a column.
        """
        from .encoded import encoded

        self.prepare(columns)
        wanted = {f for column in columns for f in column.fields}
        features = tuple(f for f in self.spec.features if f.name in wanted)
        spec = replace(self.spec, features=features, target=None, weight="", split=RandomSplit())
        _check_columns(spec, column_names(path))
        rows = replace(self.encoding, spec=spec).rows(read(path, spec.columns()))
        part = np.full(rows.count, 2, np.uint8)
        return encoded(
            self.encoding, rows, [c for c in columns if c.what not in ("label", "weight")], part, None, None, None
        )

    def prepare(self, columns: Sequence[Column]) -> None:
        """Fits, on training rows, the buckets and crosses that the columns need (kept in `encoding`)."""
        train = np.flatnonzero(self.part == 0)
        for column in columns:
            match column.what:
                case "bucket":
                    self._bucket(column.fields[0], column.bins[0], train)
                case "cross":
                    bins = bins_of(column)
                    for name, b in zip(column.fields, bins, strict=True):
                        if b:
                            self._bucket(name, b, train)
                    if not column.rows or column.min_count > 1:
                        self._cross((column.fields, bins), column.min_count, train)
                case _:
                    pass
        self._forget({(c.fields, bins_of(c)) for c in columns if c.what == "cross"})

    def _forget(self, needed: AbstractSet[CrossKey]) -> None:
        """Give up the crosses that were fitted first, where there is no room for them."""
        crosses = self.encoding.crosses
        held = sum(cross.nbytes for cross in crosses.values())
        for key in [k for k in crosses if k not in needed]:
            if held <= ROOM:
                break
            held -= crosses.pop(key).nbytes

    def crossings(self, columns: Sequence[Column], items: frozenset[str]) -> tuple[Crossing, ...]:
        """Of the columns of a model, the crosses of one of the fields `items` with one that is none of these."""
        from .crossings import crossings

        self.prepare(columns)
        return crossings(self.encoding, self.rows, columns, items)

    def save(self, folder: Path, columns: Sequence[Column]) -> None:
        """Keeps the encoding with what `columns` need, so that new tables are encoded alike (`store.load`)."""
        from .store import save

        self.prepare(columns)
        save(self.encoding, folder)

    def _bucket(self, name: str, bins: int, train: NDArray[np.int64]) -> None:
        if (name, bins) not in self.encoding.buckets:
            self.encoding.buckets[name, bins] = quantile_buckets(self.rows, name, bins, train)

    def _cross(self, key: CrossKey, min_count: int, train: NDArray[np.int64]) -> None:
        known = self.encoding.crosses.get(key)
        if known is None or known.min_count > min_count:
            parts = [self.encoding.single_ids(self.rows, f, b)[train] for f, b in zip(*key, strict=True)]
            self.encoding.crosses[key] = fit_cross(parts, min_count)


def bind(spec: DataSpec, *, seed: int, rename: Mapping[str, str] | None = None, base: Encoding | None = None) -> Bound:
    """Reads the table of `spec` and fits everything on its training rows; what `base` has stays as it is, and new values join it.

    `seed` draws what the spec leaves open: a random split without a seed of its own, the valid part of a split column
    without one. Raises SpaceError with S05xx.
    """
    spec = _rename(spec, rename or {})
    if not spec.source:
        raise fault(
            "S0542", f"the data block `{spec.name}` names no table", spec.span, help="give one with --source TABLE"
        )
    path = Path(spec.folder) / spec.source
    if spec.shipped and not path.exists():
        text = f"the table of `{spec.name}` lies in the source tree, not in the installed package"
        raise fault("S0541", text, spec.span, help="run from a clone of the repository, or give it with --source TABLE")
    _found(spec, path)
    _check_columns(spec, column_names(path))
    return bind_table(spec, read(path, spec.columns()), seed=seed, base=base)


def _found(spec: DataSpec, path: Path) -> None:
    """Raises SpaceError (S0501) for a source that was written from the working folder instead of the file's."""
    if spec.folder and not path.exists() and Path(spec.source).exists():
        here = os.path.relpath(spec.source, spec.folder)
        help_text = f'a source is looked for from the folder of its file: write  source: "{here}"'
        raise fault("S0501", f"there is no file `{path}`", spec.span, help=help_text)


def bind_table(spec: DataSpec, table: pl.DataFrame, *, seed: int, base: Encoding | None = None) -> Bound:
    """`bind` for a table in memory; `spec.source` is not read."""
    _check_columns(spec, table.columns)
    part, notes = splits.parts(table, spec.split, seed)
    train = np.flatnonzero(part == 0)
    labelling, labels = _label(spec, table, train)
    if base is not None and base.labelling is not None and labelling is not None:
        labelling = replace(base.labelling, target=labelling.target)
        labels = labelling.encode(table[labelling.target.column])
    target = None if labels is None else labels[train].astype(np.float64)
    training = Training(table, train, target)
    encoders = fit_encoders(spec.features, training)
    if base is not None:
        encoders = taken_over(base, spec, encoders, training)
    fields = tuple(field_of(f, encoders[f.name]) for f in spec.features)
    encoding = Encoding(spec, fields, encoders, labelling, {})
    rows = encoding.rows(table)
    known = {} if base is None else base.scales
    scales = {name: known[name] if name in known else fit_scale(x_N[train]) for name, x_N in rows.numbers.items()}
    encoding = replace(encoding, scales=scales)
    statistics = TrainingStatistics(encoding, rows, train)
    label = Label("none") if labelling is None else labelling.label
    schema = Schema(spec.name, fields, label, statistics, rows=table.height)
    group = splits.groups(table[spec.split.column], spec.span) if isinstance(spec.split, GroupSplit) else None
    return Bound(
        spec, schema, encoding, rows, part, labels, _weights(spec, table), group,
        fingerprint(table.select(spec.columns()), spec, part), _time(spec, table),
        (*notes, *told_by_label(spec), *splits.small_parts(spec, part, labels), *_cut_lists(spec, encoding, table)),
    )  # fmt: skip


def _label(spec: DataSpec, table: pl.DataFrame, train: NDArray[np.int64]) -> tuple[Labelling | None, Labels | None]:
    if spec.target is None:
        return None, None
    labelling = fit_labelling(table[spec.target.column], spec.target)
    labels = labelling.encode(table[spec.target.column])
    if labelling.kind != "number" and np.unique(labels[train]).size < 2:
        raise fault("S0524", "all training rows have one label, so there is nothing to learn", spec.target.span)
    return labelling, labels


def _time(spec: DataSpec, table: pl.DataFrame) -> NDArray[np.float64] | None:
    """When every row happened [N], dates as seconds since 1970; None where nothing says it. Raises SpaceError (S0421)."""
    if not spec.order:
        return None
    from . import cells

    time = cells.numbers(table[spec.order], spec.span)
    missing = pl.Series(np.isnan(time))
    if missing.any():
        text = f"column `{spec.order}` says when rows happened, and has no time in {where(missing)}"
        raise fault("S0421", text, spec.span, help="fill it in, or leave these rows out")
    return time


def _weights(spec: DataSpec, table: pl.DataFrame) -> NDArray[np.float32] | None:
    if not spec.weight:
        return None
    from . import cells

    weight = cells.numbers(table[spec.weight], spec.span)
    bad = pl.Series(~(weight >= 0))
    if bad.any():
        raise fault("S0526", f"column `{spec.weight}` has no weight of at least 0 in {where(bad)}", spec.span)
    if not (weight > 0).any():
        raise fault("S0526", f"all weights in column `{spec.weight}` are 0", spec.span)
    return weight.astype(np.float32)


def _rename(spec: DataSpec, rename: Mapping[str, str]) -> DataSpec:
    names = {f.name for f in spec.features} | {f.meaning.role for f in spec.features if f.meaning.role}
    for old in rename:
        if old not in names:
            raise fault("S0527", f"there is no column or role `{old}` to be renamed", spec.span, help=meant(old, names))
    renamed = spec.renamed(rename)
    seen: set[str] = set()
    for feature in renamed.features:
        if feature.name in seen:
            raise fault("S0527", f"two fields would be called `{feature.name}`", feature.span)
        seen.add(feature.name)
    return renamed


def _check_columns(spec: DataSpec, names: Sequence[str]) -> None:
    """Raises SpaceError with one S0507 for each column that the table does not have."""
    places = {f.column: f.span for f in reversed(spec.features)}
    if spec.target:
        places.setdefault(spec.target.column, spec.target.span)
    missing = [c for c in spec.columns() if c not in names]
    if missing:
        from recspace.dsl.diagnostics import SpaceError

        raise SpaceError(
            Diagnostic("S0507", f"the table has no column `{c}`", places.get(c, spec.span), help=meant(c, names))
            for c in missing
        )


def _cut_lists(spec: DataSpec, encoding: Encoding, table: pl.DataFrame) -> list[Diagnostic]:
    notes: list[Diagnostic] = []
    for feature in spec.features:
        encoder = encoding.encoders[feature.name]
        if isinstance(encoder, Lists):
            longer = int((listed(feature, table[feature.column]).list.len() > encoder.longest).sum())
            if longer:
                text = f"{longer:,} cells of `{feature.name}` are cut to {encoder.longest} elements"
                notes.append(warning("S0565", text, feature.span))
    return notes

"""What the columns of a table mean: a `data` block, checked and typed, or the same inferred from a bare table.

Names: `Feature.name` is what a space calls it, `Feature.column` the column of the table; they differ after `--rename`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from recspace.dsl.diagnostics import Diagnostic
from recspace.dsl.source import Source, Span

Binning = Literal["quantile", "uniform", "log", "tree"]
Comparison = Literal["==", "!=", "<", ">", "<=", ">="]
Pool = Literal["mean", "sum"]

NOWHERE = Span(Source("data", ""), 0, 0)
"""The place of what was not written in a file."""


@dataclass(frozen=True, slots=True)
class Category:
    role: str = ""
    min_count: int = 1


@dataclass(frozen=True, slots=True)
class Number:
    """`bins` 0 and no `edges`: raw. `edges` are the inner borders of the buckets; a value on a border belongs above."""

    bins: int = 0
    by: Binning = "quantile"
    edges: tuple[float, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class Many:
    """Several values in a cell: a list, or text cut at `separator`. `longest` 0: as long as the longest cell."""

    pool: Pool = "mean"
    min_count: int = 1
    longest: int = 0
    role: str = ""
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """An ordered list of values of the field `of` ("": values of its own), of which the last `longest` are kept."""

    of: str = ""
    longest: int = 50
    sharing: Literal["none", "table"] = "none"
    role: str = ""
    min_count: int = 1
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Vector:
    width: int
    role: str = ""


Meaning = Category | Number | Many | Sequence | Vector


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    column: str
    meaning: Meaning
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    entry: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """The label: the cell; with `operator` 1 where it compares so with `value`, else 0; with `classes` its class."""

    column: str
    operator: Comparison | None = None
    value: int | float | str = 0
    classes: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RandomSplit:
    """Shares of train, valid and test. `seed` None: the seed of the run."""

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ColumnSplit:
    """`valid`: the share of the training rows that becomes the valid part where the column names none."""

    column: str
    valid: float = 0.1
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """The earliest rows train, the latest test."""

    column: str
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GroupSplit:
    """All rows with one value of `column` lie in one part."""

    column: str
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Of the rows with one value of `column` the last one tests, the one before it chooses, the others train.

    They are in the order of the column `time`, equal times in that of the table; without one ("") in a random order.
    Where there are two rows one trains and one tests; a single one trains.
    """

    column: str
    time: str = ""
    seed: int | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Split = RandomSplit | ColumnSplit | TimeSplit | GroupSplit | LeaveOneOut


@dataclass(frozen=True, slots=True)
class DataSpec:
    """A table and what its columns mean. `source` "" is a table still to be given; `folder` is where it is relative to.

    `shipped`: the block came with the package. `inferred`: nobody wrote it; `warnings` are for whoever is shown it.
    `target` None: all rows are positives. `time`: the column that says when rows happened, "" for none.
    """

    name: str
    source: str
    features: tuple[Feature, ...]
    target: Target | None = None
    split: Split = RandomSplit()
    weight: str = ""
    doc: str = ""
    time: str = ""
    folder: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    shipped: bool = field(default=False, compare=False)
    inferred: bool = field(default=False, compare=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)

    def columns(self) -> tuple[str, ...]:
        """Every column of the table that is read, each once, in the order of its first use."""
        used = [f.column for f in self.features]
        if self.target:
            used.append(self.target.column)
        if not isinstance(self.split, RandomSplit):
            used.append(self.split.column)
        if isinstance(self.split, LeaveOneOut) and self.split.time:
            used.append(self.split.time)
        if self.weight:
            used.append(self.weight)
        if self.time:
            used.append(self.time)
        return tuple(dict.fromkeys(used))

    @property
    def order(self) -> str:
        """The column that rows are in time order by: `time`, or what the split has; "" for none."""
        match self.split:
            case TimeSplit(column=column) if not self.time:
                return column
            case LeaveOneOut(time=time) if not self.time:
                return time
            case _:
                return self.time

    def with_source(self, source: str) -> DataSpec:
        """The same meaning for another table (`--source`), relative to the working folder."""
        return replace(self, source=source, folder="", shipped=False)

    def renamed(self, rename: Mapping[str, str]) -> DataSpec:
        """`--rename words=nodes`: the space finds column (or role) `words` under the name `nodes`."""
        return replace(self, features=tuple(_renamed(f, rename) for f in self.features))


def _renamed(feature: Feature, rename: Mapping[str, str]) -> Feature:
    meaning = feature.meaning
    if meaning.role in rename:
        meaning = replace(meaning, role=rename[meaning.role])
    if isinstance(meaning, Sequence) and meaning.of in rename:
        meaning = replace(meaning, of=rename[meaning.of])
    return replace(feature, name=rename.get(feature.name, feature.name), meaning=meaning)

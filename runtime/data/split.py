"""Which rows train, which choose, which test."""

from __future__ import annotations

from typing import Literal, assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.dsl.diagnostics import Diagnostic
from recspace.dsl.source import Span

from . import cells
from .faults import fault, shown, warning, where
from .spec import ColumnSplit, DataSpec, GroupSplit, LeaveOneOut, RandomSplit, Split, TimeSplit
from .target import Labels

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")
NAMES: dict[str, int] = {
    "train": 0, "training": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2, "testing": 2,
}  # fmt: skip
FEW = 100
"""Rows below which a part says next to nothing."""


def parts(table: pl.DataFrame, split: Split, seed: int) -> tuple[NDArray[np.uint8], tuple[Diagnostic, ...]]:
    """The part of each row [N]: 0 train, 1 valid, 2 test. Raises SpaceError S0525."""
    count = table.height
    match split:
        case RandomSplit(shares, own, span):
            order = _generator(seed if own is None else own).permutation(count)
            result = _cut(order, np.arange(1, count + 1), shares)
        case TimeSplit(column, shares, span):
            time = _complete(table[column], cells.numbers(table[column], span), span)
            order = np.argsort(time, kind="stable")
            result = _cut(order, _run_ends(time[order]), shares)
        case GroupSplit(column, shares, own, span):
            group = groups(table[column], span)
            place = _generator(seed if own is None else own).permutation(int(group.max()) + 1)[group]
            order = np.argsort(place, kind="stable")
            result = _cut(order, _run_ends(place[order].astype(np.float64)), shares)
        case LeaveOneOut(column, time, own, span):
            result = _last_two(table, column, time, _generator(seed if own is None else own), span)
        case ColumnSplit(column, valid, span):
            return _by_column(table[column], valid, seed, span)
        case _:
            assert_never(split)
    _check(result, span)
    return result, ()


def small_parts(spec: DataSpec, part: NDArray[np.uint8], labels: Labels | None) -> tuple[Diagnostic, ...]:
    """A warning for each part that architectures or the report are judged on and that cannot tell them apart (S0567)."""
    notes = []
    for number, name in ((1, "valid"), (2, "test")):
        rows = int((part == number).sum())
        alike = labels is not None and spec.target is not None and np.unique(labels[part == number]).size < 2
        if rows and (rows < FEW or alike):
            why = ", all with the same label" if alike and rows > 1 else ""
            text = f"the {name} part has {rows:,} row{'s' * (rows != 1)}{why}: figures of them say next to nothing"
            advice = "more rows, or larger shares:  split: random(0.6, 0.2, 0.2)"
            notes.append(warning("S0567", text, spec.split.span, help=advice))
    return tuple(notes)


def _last_two(
    table: pl.DataFrame, column: str, time: str, generator: np.random.Generator, span: Span
) -> NDArray[np.uint8]:
    """The last row of each group tests, the one before it chooses where there is a third."""
    group = groups(table[column], span)
    if time:
        when = _complete(table[time], cells.numbers(table[time], span), span)
    else:
        when = generator.random(table.height)
    order = np.lexsort((when, group))  # stable: equal times stay in the order of the table
    size = np.bincount(group)[group[order]]
    left = size - (np.arange(order.size) - np.searchsorted(group[order], group[order]))
    result = np.zeros(order.size, np.uint8)
    result[order] = np.where((left == 1) & (size > 1), 2, np.where((left == 2) & (size > 2), 1, 0))
    return result


def groups(column: pl.Series, span: Span) -> NDArray[np.int64]:
    """A number for each value of a column [N], in the order of the values."""
    return cells.values(column, span).rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 0x51])


def _complete(column: pl.Series, time: NDArray[np.float64], span: Span) -> NDArray[np.float64]:
    missing = pl.Series(np.isnan(time))
    if missing.any():
        raise fault("S0525", f"no time in column `{column.name}` in {where(missing)}", span)
    return time


def _run_ends(sorted_N: NDArray[np.float64]) -> NDArray[np.int64]:
    """After how many rows a cut does not part equal values."""
    return np.flatnonzero(np.r_[sorted_N[1:] != sorted_N[:-1], True]).astype(np.int64) + 1


def _cut(order: NDArray[np.int64], allowed: NDArray[np.int64], shares: tuple[float, ...]) -> NDArray[np.uint8]:
    """Cuts `order` at the allowed places nearest to the shares."""
    result = np.zeros(order.size, np.uint8)
    for part in (1, 2):
        wanted = sum(shares[:part]) * order.size
        place = int(allowed[np.abs(allowed - wanted).argmin()]) if wanted > 0 else 0
        result[order[place:]] = part
    return result


def _check(part: NDArray[np.uint8], span: Span, needed: tuple[Part, ...] = PARTS) -> None:
    sizes = np.bincount(part, minlength=3)
    for name, size in zip(PARTS, sizes, strict=True):
        if size == 0 and name in needed:
            raise fault("S0525", f"the split leaves no rows for {name}", span, help="change the shares of the split")


def _by_column(
    column: pl.Series, valid: float, seed: int, span: Span
) -> tuple[NDArray[np.uint8], tuple[Diagnostic, ...]]:
    words = cells.values(column, span).cast(pl.String).str.to_lowercase().str.strip_chars()
    known = words.is_in(list(NAMES)).fill_null(False)
    if not known.all():
        found = column.filter(~known)[0]
        raise fault(
            "S0525",
            f"column `{column.name}` has {shown(found)} in {where(~known)}, which is no part of a split",
            span,
            help="the parts are train, valid and test",
        )
    result = words.replace_strict(NAMES, return_dtype=pl.UInt8).to_numpy().copy()
    notes: tuple[Diagnostic, ...] = ()
    sizes = np.bincount(result, minlength=3)
    if sizes[1] == 0 and sizes[0] > 1 and valid:
        train = np.flatnonzero(result == 0)
        taken = _generator(seed).permutation(train)[: max(1, round(valid * train.size))]
        result[taken] = 1
        notes = (
            warning(
                "S0564",
                f"column `{column.name}` names no valid part: {taken.size:,} of {train.size:,} training rows become it",
                span,
            ),
        )
    _check(result, span, PARTS if valid else ("train", "test"))
    return result, notes

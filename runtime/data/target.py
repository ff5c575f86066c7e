"""The label: 0 or 1, a number, or a class."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.compiler.schema import Label
from recspace.dsl.diagnostics import Diagnostic, Edit, SpaceError
from recspace.dsl.source import Span

from . import cells
from .faults import fault, shown, where
from .names import column_text, quoted
from .read import MISSING_WORDS, REAL
from .spec import Target

Labels = NDArray[np.float32] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labelling:
    """How cells become labels. `values`: the two of a binary column (the negative first), or those of the classes."""

    target: Target
    kind: Literal["binary", "number", "classes"]
    values: pl.Series | None = None
    upper: float = field(default=0.0, compare=False)

    @property
    def label(self) -> Label:
        classes = self.values.len() if self.kind == "classes" and self.values is not None else 2
        return Label(self.kind, classes, self.target.column, self.upper)

    def encode(self, column: pl.Series) -> Labels:
        """Labels [N]: float32, or int64 for classes. Raises SpaceError S0523 with the rows of cells that are none."""
        span = self.target.span
        if column.null_count():
            raise fault(
                "S0523",
                f"no label in column `{column.name}` in {where(column.is_null())}",
                span,
                help="leave out the rows without a label",
            )
        if self.target.operator is not None:
            return _compare(column, self.target)
        if self.kind == "number":
            number = cells.numbers(column, span)
            return _complete(column, number, span).astype(np.float32)
        values = pl.Series([0, 1]) if self.values is None else self.values
        index = {"value": values, "at": np.arange(values.len(), dtype=np.int64)}
        cell = cells.values(column, span)
        if cell.dtype != values.dtype:
            cell = cell.cast(values.dtype, strict=False)
        at = pl.DataFrame({"value": cell}).join(pl.DataFrame(index), "value", "left", maintain_order="left")["at"]
        if at.null_count():
            bad = at.is_null()
            raise fault("S0523", f"{shown(column.filter(bad)[0])} is no label that was trained, in {where(bad)}", span)
        found = at.to_numpy()
        return found.astype(np.int64) if self.kind == "classes" else found.astype(np.float32)


def fit_labelling(column: pl.Series, target: Target) -> Labelling:
    """What kind of label a column is.

    0/1, truth values and any two numbers are binary (the larger is the positive one); more numbers are a number; text
    needs a comparison or `classes`. Raises SpaceError S0523, S0530.
    """
    if target.operator is not None:
        return Labelling(target, "binary")
    cell = cells.values(column, target.span).drop_nulls()
    found = cell.unique().sort()
    if target.classes:
        return Labelling(target, "classes", found)
    if found.dtype == pl.String:
        raise _text(column, found, target)
    if found.len() == 2:
        return Labelling(target, "binary", found)
    if found.len() < 2:
        raise fault("S0524", f"the label `{column.name}` has one value, so there is nothing to learn", target.span)
    return Labelling(target, "number", upper=float(found[(found.len() + 1) // 2]))


POSITIVE = ("yes", "true", "positive", "click", "clicked", "y", "t", "1", "on", "like", "good")
"""Words for what a label asks after."""


def positive(values: pl.Series) -> str:
    """Which of the texts of a label is probably the positive one."""
    texts = [str(v) for v in values.to_list()]
    return next((t for word in POSITIVE for t in texts if t.lower() == word), texts[-1] if texts else "yes")


def _text(column: pl.Series, found: pl.Series, target: Target) -> SpaceError:
    """A label of text: some cells that are no numbers among numbers, two values, or several."""
    odd = (~(column.str.contains(REAL) | column.is_in(MISSING_WORDS))).fill_null(False)
    if odd.sum() <= 0.05 * column.len():
        text = f"the label `{column.name}` is all numbers but for {shown(column.filter(odd)[0])} in {where(odd)}"
        help = "correct these cells, or leave the rows out"
        return fault("S0530", text, target.span, label="neither 0 or 1 nor a number", help=help)
    name = column_text(column.name)
    written = f"{name} == {quoted(positive(found))}" if found.len() <= 2 else f"classes({name})"
    advice = "say which value is a positive" if found.len() <= 2 else "say that its values are classes"
    edits: tuple[Edit, ...] = ()
    if target.span.source.text:
        edits = (Edit(target.span, written),)
    else:
        advice += f": --label {shlex.quote(written)}"
    told = Diagnostic("S0530", f"the label `{column.name}` is text", target.span, "neither 0 or 1 nor a number",
                      help=advice, edits=edits)  # fmt: skip
    return SpaceError([told])


def _complete(column: pl.Series, number: NDArray[np.float64], span: Span) -> NDArray[np.float64]:
    missing = pl.Series(np.isnan(number))
    if missing.any():
        raise fault("S0523", f"no label in column `{column.name}` in {where(missing)}", span)
    return number


def _compare(column: pl.Series, target: Target) -> Labels:
    left: pl.Series
    right: int | float | str | bool = target.value
    if isinstance(right, str):
        left = cells.values(column, target.span)
        if left.dtype == pl.Boolean:
            left = left.cast(pl.String)
        if left.dtype != pl.String:
            raise fault(
                "S0530",
                f"column `{column.name}` holds numbers and is compared with the text {shown(right)}",
                target.span,
            )
    else:
        number = cells.numbers(column, target.span)
        left = pl.Series(_complete(column, number, target.span))
    match target.operator:
        case "==":
            result = left == right
        case "!=":
            result = left != right
        case "<":
            result = left < right
        case ">":
            result = left > right
        case "<=":
            result = left <= right
        case _:
            result = left >= right
    return result.to_numpy().astype(np.float32)

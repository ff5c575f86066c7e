"""Columns that tell the label: what is written after the fact must not be a feature."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recspace.dsl.diagnostics import Diagnostic, Edit, Note
from recspace.dsl.source import Span

from ..metrics import auc
from .cells import Floats
from .spec import DataSpec

TELLING = 0.95
"""AUC from which one column alone is suspected."""


def leak(column: pl.Series, label_N: Floats) -> str:
    """Why a column seems to tell a binary label ("" where it does not), as the rest of a sentence about the column."""
    missing = column.is_null().to_numpy()
    positive = label_N == 1
    if missing.any():
        for known, word in ((positive, "positive"), (~positive, "negative")):
            if (missing == known).all():
                return f"is missing in every {word} row and in no other"
    score = _score(column, label_N)
    if score is None:
        return ""
    value = auc(label_N[1::2], score)
    value = max(value, 1 - value)
    return f"alone predicts the label with an AUC of {value:.3f}" if value > TELLING else ""


def told_by_label(spec: DataSpec) -> list[Diagnostic]:
    """Features that the label itself is made of: `label: brand == "b1"` beside `brand: category()`."""
    found = []
    for feature in spec.features:
        if spec.target is None or feature.column != spec.target.column:
            continue
        text = f"the label is made of `{feature.column}`, which is a feature as well"
        entry = feature.entry
        before = entry.source.text[: entry.start].rstrip()
        edits = (Edit(Span(entry.source, len(before), entry.end), ""),) if entry.end else ()
        notes = (Note(spec.target.span, "the label"),) if spec.target.span.end else ()
        found.append(
            Diagnostic("S0561", text, feature.span, "tells the label", notes, "leave it out", edits, "warning")
        )
    return found


def _score(column: pl.Series, label_N: Floats) -> NDArray[np.float64] | None:
    """A score of the odd rows: the number itself, or the share of positives that a value has in the even rows."""
    kind = column.dtype
    if kind.is_float() or (kind.is_integer() and column.n_unique() > 256):
        number = column[1::2].cast(pl.Float64).fill_nan(None)
        middle = number.median()
        return number.fill_null(middle if isinstance(middle, float) else 0.0).to_numpy()
    if isinstance(kind, (pl.List, pl.Array, pl.Struct)) or kind == pl.Binary:
        return None
    table = pl.DataFrame({"value": column, "label": label_N})
    share = table[0::2].group_by("value").agg(pl.col("label").mean().alias("share"))
    joined = table[1::2].join(share, on="value", how="left", nulls_equal=True, maintain_order="left")
    return joined["share"].fill_null(float(label_N.mean())).to_numpy().astype(np.float64)


def tells_number(column: pl.Series, label_N: Floats) -> str:
    """The same for a label that is a number: a correlation beyond 0.98 either way."""
    if not column.dtype.is_numeric():
        return ""
    number = column.cast(pl.Float64).fill_nan(None)
    known = number.is_not_null().to_numpy()
    x_N, y_N = number.drop_nulls().to_numpy(), label_N[known]
    if x_N.size < 3 or x_N.std() == 0 or y_N.std() == 0:
        return ""
    value = float(np.corrcoef(x_N, y_N)[0, 1])
    return f"is correlated with the label by {value:.3f}" if abs(value) > 0.98 else ""

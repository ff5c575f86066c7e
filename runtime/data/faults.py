"""How faults of data are said: one sentence, the rows they are in, and a name that may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span
from recspace.dsl.suggest import nearest

from .spec import NOWHERE

ROWS_SHOWN = 5


def fault(code: str, message: str, span: Span = NOWHERE, *, label: str = "", help: str = "") -> SpaceError:
    return SpaceError([Diagnostic(code, message, span, label=label, help=help)])


def warning(code: str, message: str, span: Span = NOWHERE, *, help: str = "") -> Diagnostic:
    return Diagnostic(code, message, span, help=help, severity="warning")


def file_span(path: str) -> Span:
    """The place of a fault in a table, which has no text to underline."""
    return Span(Source(path, ""), 0, 0)


def where(bad: pl.Series) -> str:
    """ "row 3", "rows 3, 8 and 12": rows counted from 1, the header of a CSV not among them. `bad` is a mask."""
    return row_list((bad.arg_true() + 1).head(ROWS_SHOWN).to_list(), int(bad.sum()))


def row_list(first: Sequence[int], total: int) -> str:
    shown = [f"{row:,}" for row in first[:ROWS_SHOWN]]
    if total > len(shown):
        return f"rows {', '.join(shown)} and {total - len(shown):,} more"
    if total == 1:
        return f"row {shown[0]}"
    return f"rows {', '.join(shown[:-1])} and {shown[-1]}"


def shown(value: object) -> str:
    """A cell as it is shown in a message, cut to 40 characters."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:38] + '…"'


def meant(name: str, candidates: Iterable[str]) -> str:
    """`did you mean "x"?`, or the names there are where nothing is near."""
    names = list(candidates)
    near = nearest(name, names)
    if near:
        return f"did you mean `{near}`?"
    some = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"there are: {some}" if names else ""

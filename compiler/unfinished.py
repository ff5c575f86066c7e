"""What checks and sizes, and does not run yet."""

from __future__ import annotations

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Span

UNFINISHED = "S0630"


def not_yet(span: Span, what: str, help: str = "") -> SpaceError:
    """A construct that checks and sizes, and has no execution yet."""
    return SpaceError(
        [Diagnostic(UNFINISHED, f"{what} has no implementation yet", span, "checked and counted, not run", help=help)]
    )

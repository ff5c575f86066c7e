"""What commands print: diagnostics, JSON, big numbers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from recspace.dsl import Diagnostic, render

VERSION = 1
"""Of what `--json` prints."""


def colored(stream: TextIO) -> bool:
    """Colour on terminals only, and never where NO_COLOR says so (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics on stderr, and how many there are where that is not plain to see."""
    every = list(diagnostics)
    if not every:
        return
    print(render(every, color=colored(sys.stderr)), file=sys.stderr)
    errors = sum(d.severity == "error" for d in every)
    if len(every) > 1:
        parts = [_count(errors, "error"), _count(len(every) - errors, "warning")]
        print(f"\n{' and '.join(p for p in parts if p)}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}" if number else ""


def write_json(value: dict[str, Any]) -> None:
    """One JSON document on stdout. A whole number beyond 2^53 is a string of digits: few readers keep it otherwise."""
    print(json.dumps({"version": VERSION, **value}, ensure_ascii=False, indent=1))


def aligned(rows: Iterable[Sequence[str]], *, right: bool = False) -> list[str]:
    """Rows of cells as lines, in columns; all but the first to the `right` where that is asked for."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if right and k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def whole(number: int) -> int | str:
    """A whole number for JSON."""
    return number if abs(number) < 2**53 else digits(number)


def digits(number: int) -> str:
    """All digits of a whole number, however many: Python itself stops at 4,300."""
    if number < 0:
        return "-" + digits(-number)
    if number.bit_length() < 14_000:
        return str(number)
    half = number.bit_length() * 30103 // 200000
    high, low = divmod(number, 10**half)
    return digits(high) + digits(low).zfill(half)


def counted(number: int) -> str:
    """A whole number as people read it: 1,048,576, and from 10^15 on 1.07 × 10^301."""
    if number < 10**15:
        return f"{number:,}"
    exponent = (number.bit_length() - 1) * 30103 // 100000
    while number >= 10 ** (exponent + 1):
        exponent += 1
    leading = (2 * number // 10 ** (exponent - 2) + 1) // 2
    if leading == 1000:
        leading, exponent = 100, exponent + 1
    return f"{leading / 100:.2f} × 10^{exponent}"

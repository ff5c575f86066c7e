"""Edits applied to text."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostics import Edit


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with all replacements made. Insertions at one place keep their order; raises ValueError on overlap."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        if edit.span.start < at:
            raise ValueError("two edits overlap")
        parts += [text[at : edit.span.start], edit.text]
        at = edit.span.end
    return "".join([*parts, text[at:]])

"""Refusals of the runtime as diagnostics; what has no place in a file is placed in the words that were given."""

from __future__ import annotations

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span


def words(name: str, text: str) -> Span:
    """The place of something written elsewhere than in a file: an argument of a command, a folder's name."""
    return Span(Source(name, text), 0, len(text))


def refusal(code: str, message: str, span: Span, *, label: str = "", help: str = "") -> SpaceError:
    return SpaceError([Diagnostic(code, message, span, label=label, help=help)])

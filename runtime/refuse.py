"""Refusals of the runtime as diagnostics; what has no place in a file is placed in the words that were given."""

from __future__ import annotations

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span


def words(name: str, text: str) -> Span:
    """The place of something written elsewhere than in a file: an argument of a command, a folder's name."""
    return Span(Source(name, text), 0, len(text))


def reason(why: Exception) -> str:
    """What was wrong with a file that was read, in words: Python's names of errors mean nothing to a reader."""
    match why:
        case KeyError():
            return f"`{why.args[0]}` is missing"
        case TypeError() | AttributeError():
            return "a part of it is of another kind"
        case _:
            return str(why)


def refusal(code: str, message: str, span: Span, *, label: str = "", help: str = "") -> SpaceError:
    return SpaceError([Diagnostic(code, message, span, label=label, help=help)])

"""Text to tree: an LALR machine over the shipped tables. Nothing here recurses, however deep the text is."""

from __future__ import annotations

from functools import cache

from . import ast
from .diagnostics import Diagnostic
from .lexer import lex
from .machine import Machine
from .source import Source, Span
from .tables import Tables, load_tables

LONGEST = 1_000_000
"""Bytes of text in one file, at most."""


@cache
def _tables() -> Tables:
    return load_tables()


def parse(source: Source) -> tuple[ast.File | None, tuple[Diagnostic, ...]]:
    """The tree of a file, and everything that is wrong with it in the order of the text."""
    if len(source.text) > LONGEST:
        return None, (_too_long(source),)
    tokens, found = lex(source)
    machine = Machine(_tables(), source, tokens)
    file = machine.run()
    if file is None:
        token = machine.tokens[machine.at]
        found.append(Diagnostic("S0020", f"unexpected `{token.text}`", Span(source, token.start, token.end)))
    return file, tuple(sorted(found, key=lambda d: d.span.start))


def _too_long(source: Source) -> Diagnostic:
    return Diagnostic(
        "S0003",
        f"the file is longer than {LONGEST:,} characters",
        Span(source, 0, 0),
        help="split it into files and bring them together with `import`",
    )

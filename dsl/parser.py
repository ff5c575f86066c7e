"""Text to tree: an LALR machine over the shipped tables. Nothing here recurses, however deep the text is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from . import ast
from .diagnostics import Diagnostic, Note
from .lexer import MOST, lex
from .machine import UNREAD, Machine
from .source import Source, Span
from .tables import Tables, load_tables
from .tokens import Token

LONGEST = 1_000_000
"""Characters of text in one file, at most."""


@cache
def _tables() -> Tables:
    return load_tables()


def parse(source: Source, before: str = "", after: str = "") -> tuple[ast.File | None, tuple[Diagnostic, ...]]:
    """The tree of a file, and everything that is wrong with it in the order of the text.

    Statements that could not be read are left out of the tree; their names stand in `broken`. None if nothing could.
    Where the text is a part of a file (`--strategy 'random(trials = 8)'`), `before` and `after` are what the rest of the
    file would be: they are read and have no place in the text, so no diagnostic shows them.
    """
    if len(source.text) > LONGEST:
        return None, (_too_long(source),)
    tokens, found = lex(source)
    tokens = [*_around(before, 0), *tokens[:-1], *_around(after, tokens[-1].start), tokens[-1]]
    if len(found) >= MOST:
        return None, tuple(found)
    machine = Machine(_tables(), source, tokens)
    moving = {e.span.end for d in found for e in d.edits if d.code == "S0014"}
    unread: set[str] = set()
    while (file := machine.run()) is None:
        if len(found) >= MOST:
            return None, _sorted(found)
        from .repair import step

        step(machine, found, unread)
    # Behind a string that is not closed nothing can be inserted: it would become part of the string.
    found = [replace(d, edits=()) if d.code != "S0014" and _touches(d, moving) else d for d in found]
    file = _without_unread(file, unread)
    if file.space is not None:
        found += _repeated(file.space)
    return file, _sorted(found)


def _around(text: str, at: int) -> list[Token]:
    return [token._replace(start=at, end=at) for token in lex(Source("", text))[0][:-1]] if text else []


def _touches(diagnostic: Diagnostic, places: set[int]) -> bool:
    return any(e.span.start in places or e.span.end in places for e in diagnostic.edits)


def _without_unread(file: ast.File, unread: set[str]) -> ast.File:
    lost = {c.name for c in file.components if isinstance(c.result, ast.Name) and c.result.name == UNREAD}
    kept = tuple(c for c in file.components if c.name not in lost)
    return replace(file, components=kept, broken=frozenset(unread | lost)) if unread or lost else file


def _repeated(space: ast.Space) -> list[Diagnostic]:
    """A space predicts and minimizes once."""
    found: list[Diagnostic] = []
    for kind, word in ((ast.Predict, "predict"), (ast.Minimize, "minimize")):
        places = [
            Span(s.span.source, s.span.start, s.span.start + len(word)) for s in space.statements if type(s) is kind
        ]
        for place in places[1:]:
            note = Note(places[0], "the first one")
            advice = "several objectives stand in one `minimize`, with commas" if word == "minimize" else ""
            text = f"a space has one `{word}`"
            found.append(Diagnostic("S0039", text, place, "a second one", (note,), advice))
    return found


def _sorted(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda d: (d.span.start, d.span.end)))


def _too_long(source: Source) -> Diagnostic:
    return Diagnostic(
        "S0003",
        f"the file is longer than {LONGEST:,} characters",
        Span(source, 0, 0),
        help="split it into files and bring them together with `import`",
    )

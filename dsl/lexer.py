"""Text to tokens. What the grammar's terminals do not cover is handed to `oddities`, which reports and repairs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .diagnostics import Diagnostic
from .source import Source, Span
from .tokens import COMPARISONS, FALLBACK, KINDS, OPENING, Token

if TYPE_CHECKING:
    from .oddities import Oddity

MOST = 50
"""Errors of one file that are shown, at most."""

LEVELS = 64
"""Brackets inside brackets, at most."""

_TOKEN = re.compile(
    r"(?P<skip>(?:\s+|#[^\n]*)+)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?:%| ?(?:[kMG]i?B|ms|us)\b)?)"
    r'|(?P<string>"(?:\\["\\]|[^"\\\n])*")'
    r"|(?P<operator><=|>=|==|!=|->|\.\.|[-+*/@^<>=()\[\]{},:.])"
)


_OPERATORS = {
    text: "TIMES" if text in "*/@" else "COMPARE" if text in COMPARISONS and text not in FALLBACK else text
    for text in ("<=", ">=", "==", "!=", "->", "..", *"+-*/@^<>=()[]{},:.")
}
_DOUBTFUL = frozenset("*/>=.0123456789")
"""What may follow an operator that is none of this language, as in `**`, `=>` and `.5`."""


def lex(source: Source) -> tuple[list[Token], list[Diagnostic]]:
    """All tokens, closed by one `$END`, and what is wrong with single characters."""
    text, match = source.text, _TOKEN.match
    tokens: list[Token] = []
    found: list[Diagnostic] = []
    at, end = 0, len(text)
    while at < end:
        hit = match(text, at)
        if hit is not None:
            stop = hit.end()
            kind, doubtful = _classified(hit, text, stop)
            mistake = _suspicious(source, hit, tokens) if doubtful else None
            if mistake is None:
                if kind:
                    tokens.append(Token(kind, at, stop, hit.group()))
                at = stop
                continue
        else:
            mistake = _stray(source, at, tokens)
        tokens.extend(mistake.tokens)
        found.append(mistake.diagnostic)
        at = mistake.end
        if len(found) >= MOST:
            break
    tokens.append(Token("$END", end, end, ""))
    return _limit_nesting(source, tokens, found), found


def _suspicious(source: Source, hit: re.Match[str], tokens: list[Token]) -> Oddity | None:
    from .oddities import suspicious  # here and below, because most files have none

    return suspicious(source, hit, tokens)


def _stray(source: Source, at: int, tokens: list[Token]) -> Oddity:
    from .oddities import stray

    return stray(source, at, tokens)


def _classified(hit: re.Match[str], text: str, stop: int) -> tuple[str, bool]:
    """The kind of a token, "" for what only separates; and whether a closer look is needed."""
    match hit.lastgroup:
        case "skip":
            return "", False
        case "word":
            return KINDS.get(hit.group(), "NAME"), stop < len(text) and text[stop] > "\x7f"
        case "number":
            return "NUMBER", stop - hit.start() > 15 or "e" in hit.group() or "E" in hit.group()
        case "string":
            return "STRING", False
        case _:
            return _OPERATORS[hit.group()], text[stop : stop + 1] in _DOUBTFUL


def _limit_nesting(source: Source, tokens: list[Token], found: list[Diagnostic]) -> list[Token]:
    """Brackets beyond the limit become one `$BAD` token each time the limit is passed; what they hold is dropped."""
    depth = 0
    kept: list[Token] = []
    for token in tokens:
        if token.kind in OPENING:
            depth += 1
            if depth == LEVELS + 1:
                found.append(too_deep(Span(source, token.start, token.end)))
                kept.append(Token("$BAD", token.start, token.end, token.text))
        if depth <= LEVELS or token.kind == "$END":
            kept.append(token)
        if token.kind in (")", "]", "}") and depth:
            depth -= 1
    return kept


def too_deep(place: Span) -> Diagnostic:
    return Diagnostic(
        "S0004",
        f"brackets are nested more than {LEVELS} levels deep",
        place,
        f"this is level {LEVELS + 1}",
        help="give the inner part a name of its own with `let`",
    )

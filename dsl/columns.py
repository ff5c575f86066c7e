"""How wide text is on a terminal."""

from __future__ import annotations

import unicodedata

TAB = 4


def shown(text: str) -> str:
    """Text as it can be printed in one line: tabs as spaces, control characters and halves of pairs replaced."""
    if text.isascii() and text.isprintable():
        return text
    column = 0
    parts: list[str] = []
    for character in text.rstrip("\r\n"):
        part = _shown(character, column)
        parts.append(part)
        column += _width(character, column)
    return "".join(parts)


def width_until(text: str, end: int) -> int:
    """Columns that the first `end` characters take; places behind the text count one each."""
    column = 0
    for character in text[:end].rstrip("\r\n"):
        column += _width(character, column)
    return column + max(0, end - len(text.rstrip("\r\n")))


def _shown(character: str, column: int) -> str:
    if character == "\t":
        return " " * (TAB - column % TAB)
    category = unicodedata.category(character)
    return "\ufffd" if category in ("Cc", "Cs", "Cf", "Zl", "Zp") else character


def _width(character: str, column: int) -> int:
    if character == "\t":
        return TAB - column % TAB
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

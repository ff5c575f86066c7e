"""Characters that are no part of the language, and what was meant by them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .diagnostics import Diagnostic
from .source import Source, Span
from .tokens import Token


@dataclass(frozen=True, slots=True)
class Oddity:
    """What to say, the tokens to go on with, and the offset after them."""

    diagnostic: Diagnostic | None
    tokens: tuple[Token, ...]
    end: int


def odd(source: Source, at: int, hit: re.Match[str] | None, before: list[Token]) -> Oddity | None:
    """What is wrong at an offset, where `hit` is the token that stands there, if any."""
    if hit is not None:
        return None
    place = Span(source, at, at + 1)
    return Oddity(Diagnostic("S0010", f"`{place.text}` is no part of the language", place), (), at + 1)

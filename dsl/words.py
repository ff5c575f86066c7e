"""Terminals in the words of the language."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .tokens import KINDS, OPENING, Token

NAMES = {"NAME": "a name", "NUMBER": "a number", "STRING": "text in quotes", "$END": "the end of the file"}
OPERATORS = frozenset(("+", "-", "TIMES", "^", "COMPARE", "_AND", "_OR", "_IN", ".."))
OPERAND = frozenset(("NAME", "NUMBER", "(", "[", "{"))
STATEMENT = frozenset(("_LET", "_LEARN", "_REQUIRE", "_EXPECT", "_PREDICT", "_MINIMIZE", "_PARAM"))
CLAUSE = frozenset(("_GIVEN", "_PRIOR", "_FACTORED", "_DEFAULT"))
_WORDS = {kind: word for word, kind in KINDS.items()}


def spelt(kind: str) -> str:
    """The text of a keyword's kind, or of an operator's."""
    return _WORDS.get(kind, kind)


def described(token: Token) -> str:
    """A token as an error names it."""
    if token.kind == "$END":
        return "the end of the file"
    if token.kind == "}" and token.start == token.end:
        return "the end of the text"
    if token.kind == "STRING":
        return "text in quotes"
    text = token.text if len(token.text) <= 30 else token.text[:29] + "…"
    if token.kind == "NUMBER":
        return f"the number `{text}`"
    return f"`{text}`"


def listed(kinds: Collection[str]) -> str:
    """What may stand at a place: `an expression`, `` `=` or an index `[…]` ``, …"""
    rest = set(kinds)
    words: list[str] = []
    for group, name in ((OPERAND, "an expression"), (STATEMENT, "a statement"), (OPERATORS, "an operator")):
        if len(group & rest) >= 4 or (group is OPERAND and group <= rest):
            rest -= group
            words.append(name)
    if "an expression" in words:
        rest -= {"-", "_NOT", "_CASE", "_CHOOSE", "STRING"}
    if "a statement" in words:
        rest -= {"_CHOOSE", "_SEARCH"}
    if "an operator" in words:
        rest -= {"(", "[", ".", "_IF", "_FOR", "->", "STRING"}
    if {"an operator", "a statement"} <= set(words):
        return "an operator or the next statement"
    if len(CLAUSE & rest) == len(CLAUSE):
        rest -= CLAUSE
        words.append("a clause (`given`, `prior`, `factored`, `default`)")
    if {"<", "<="} <= rest and len(rest) > 3:
        rest -= {"<", "<="}
    words += [NAMES.get(kind) or _quoted(kind) for kind in sorted(rest, key=_order)]
    return one_of(words)


def _quoted(kind: str) -> str:
    return {"TIMES": "`*`", "COMPARE": "a comparison"}.get(kind) or f"`{spelt(kind)}`"


def _order(kind: str) -> tuple[int, str]:
    return (
        3 if kind == "$END" else 0 if kind in NAMES else 2 if kind in (*OPENING, *OPENING.values(), ",") else 1,
        kind,
    )


def one_of(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    every = list(words)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} or {every[-1]}" if every else "nothing"

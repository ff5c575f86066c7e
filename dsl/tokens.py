"""What the text is made of, before any rule of the grammar is looked at."""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """`kind` is a terminal of the grammar, for operators their text; `start` and `end` are offsets.

    Kinds of their own: `$END`, and `$BAD` for what has been reported already.
    """

    kind: str
    start: int
    end: int
    text: str


RESERVED = frozenset(
    (
        "let",
        "learn",
        "choose",
        "param",
        "require",
        "expect",
        "predict",
        "minimize",
        "return",
        "if",
        "else",
        "for",
        "in",
        "and",
        "or",
        "not",
        "case",
    )
)
"""Words that are never names."""

CONTEXTUAL = frozenset(
    ("search", "import", "as", "component", "data", "space", "from", "given", "prior", "factored", "default")
)
"""Words that are names wherever they cannot be keywords. Behind a value most of them can."""

KINDS = {word: "_" + word.upper() for word in RESERVED | CONTEXTUAL}

COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))

FALLBACK = {"<": "COMPARE", "<=": "COMPARE", **{"_" + word.upper(): "NAME" for word in CONTEXTUAL}}
"""A second kind that a token has where its first is not allowed: `<` binds in `[i < j in S]` and compares elsewhere."""

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: open_ for open_, close in OPENING.items()}

STATEMENTS = frozenset(("let", "learn", "choose", "param", "require", "expect", "predict", "minimize", "search"))
"""Words that open a statement of a space."""

TOP = frozenset(("import", "component", "data", "space"))
"""Words that open a part of a file."""

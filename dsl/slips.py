"""Slips of single words and signs: misspelt words, `=` for `==`, a forgotten comma."""

from __future__ import annotations

from .diagnostics import Diagnostic, Edit
from .mistakes import Mistake, Place, Repair
from .recovery import Lines
from .suggest import nearest
from .tokens import CONTEXTUAL, KINDS, RESERVED, Token
from .words import described, spelt

OPENING_WORDS = frozenset(
    ("_LET", "_LEARN", "_CHOOSE", "_PARAM", "_REQUIRE", "_EXPECT", "_PREDICT", "_MINIMIZE", "_SEARCH", "_RETURN",
     "_IMPORT", "_COMPONENT", "_DATA", "_SPACE")
)  # fmt: skip

FOREIGN_WORDS = {
    "elif": "else", "then": "", "def": "component", "function": "component", "const": "param", "var": "let",
    "val": "let", "assert": "require", "maximize": "minimize", "minimise": "minimize", "output": "predict",
    "loss": "minimize", "model": "space", "include": "import", "using": "import", "of": "in", "where": "if",
    "xor": "!=", "mod": "", "div": "/", "is": "==",
}  # fmt: skip
"""Words of other languages and what stands for them here."""


def misspelt(place: Place) -> Mistake | None:
    """`chose keep from {off, on}`, `lett x = 1`, `x fro i in fields`."""
    token = place.token
    if not token.text.isidentifier() or token.kind in ("STRING", "NUMBER"):
        return None
    words = {spelt(kind) for kind in place.expected if kind in KINDS.values()}
    starting = {spelt(kind) for kind in OPENING_WORDS}
    allowed = words if place.first or words <= starting else words - starting
    foreign = FOREIGN_WORDS.get(token.text)
    meant = foreign if foreign in allowed else nearest(token.text, allowed)
    if meant is None or token.text in RESERVED:
        return None
    kind = KINDS[meant]
    if not place.works((kind,), 1, 1):
        return None
    text = f"`{token.text}` is no word that can stand here"
    edit = Edit(place.span(token), meant)
    diagnostic = Diagnostic("S0023", text, place.span(token), "", help=f"did you mean `{meant}`?", edits=(edit,))
    return Mistake(diagnostic, place.replaced(kind, meant))


def glued(place: Place) -> Mistake | None:
    """`paramgroups = 3`: a word of the language and the name after it have grown together."""
    text = place.token.text
    for kind in sorted(place.expected & OPENING_WORDS):
        word = spelt(kind)
        name = text.removeprefix(word)
        if place.first and place.token.kind == "NAME" and name not in ("", text) and name.isidentifier():
            at = place.token.start + len(word)
            tokens = (
                Token(kind, place.token.start, at, word),
                Token(KINDS.get(name, "NAME"), at, place.token.end, name),
            )
            alone = place.at + 2 < len(place.tokens) and Lines(place.machine).first(place.at + 1)
            if not place.works(tokens, 1, 0 if alone else 1):
                continue
            edit = Edit(place.span(place.token), f"{word} {name}")
            told = f"a space is missing between `{word}` and `{name}`"
            diagnostic = Diagnostic("S0028", told, place.span(place.token), "", help="write", edits=(edit,))
            return Mistake(diagnostic, Repair(place.at, place.at + 1, tokens))
    return None


def reserved(place: Place) -> Mistake | None:
    """`let in = 3`: a word of the language where a name is needed."""
    token = place.token
    if token.text not in RESERVED or "NAME" not in place.expected or place.first:
        return None
    name = f"{token.text}_"
    if not place.works(("NAME",), 1, 1):
        return None
    operand = "NUMBER" in place.expected and "(" in place.expected
    if operand and place.ahead(1).kind not in ("=", "[", "(", ")", ",", "]"):
        return None
    text = f"`{token.text}` is a word of the language and cannot be a name"
    edit = Edit(place.span(token), name)
    diagnostic = Diagnostic("S0024", text, place.span(token), "", help="call it", edits=(edit,))
    return Mistake(diagnostic, place.replaced("NAME", name))


def contextual(place: Place) -> Mistake | None:
    """`default: number()` in a data block, `{ a: 1 default: 2 }`: behind a value these words are no names."""
    token, last = place.token, place.back(1)
    if token.text not in CONTEXTUAL or place.ahead(1).kind != ":":
        return None
    if "," in place.expected and place.works((",", "NAME"), 1, 1):
        text = f"`{token.text}` is a word of the language here: a comma is missing before the label"
        point = place.point(last.end)
        diagnostic = Diagnostic("S0024", text, place.span(token), "", help="write", edits=(Edit(point, ","),))
        return Mistake(diagnostic, place.inserted(Token(",", last.end, last.end, ",")))
    if not place.works(("STRING",), 1, 1):
        return None
    text = f"`{token.text}` is a word of the language here: a column of that name is quoted"
    edit = Edit(place.span(token), f'"{token.text}"')
    diagnostic = Diagnostic("S0024", text, place.span(token), "", help="write", edits=(edit,))
    return Mistake(diagnostic, place.replaced("STRING", f'"{token.text}"'))


def equals(place: Place) -> Mistake | None:
    """`=` compares nothing, `==` gives no value."""
    token = place.token
    if token.kind == "=" and "COMPARE" in place.expected:
        meant, kind, text = "==", "COMPARE", "`=` gives a value to a name; two values are compared with `==`"
    elif token.text == "==" and "=" in place.expected:
        meant, kind, text = "=", "=", "`==` compares two values; a value is given with `=`"
    else:
        return None
    if not place.works((kind,), 1, 1):
        return None
    edit = Edit(place.span(token), meant)
    diagnostic = Diagnostic("S0025", text, place.span(token), "", help="write", edits=(edit,))
    return Mistake(diagnostic, place.replaced(kind, meant))


def option_sign(place: Place) -> Mistake | None:
    """`relax(as: gate)`, and in a recipe `random(trials 8)`: the value of an option stands behind `=`."""
    name, before, token = place.back(1), place.back(2), place.token
    if not (name.text.isidentifier() and name.text not in RESERVED and before.kind in ("(", ",")):
        return None
    if token.kind == ":":
        if not place.works(("=",), 1, 1):
            return None
        edit = Edit(place.span(token), " =")
        text = f"the value of `{name.text}` stands behind `=`"
        diagnostic = Diagnostic("S0025", text, place.span(token), "", help="write", edits=(edit,))
        return Mistake(diagnostic, place.replaced("=", "="))
    machine = place.machine
    stage = "stage" in machine.tables.gotos[machine.before[machine.boundary() - 1]]
    if not stage or token.kind not in ("NUMBER", "NAME", "STRING", "[") or not place.works(("=",), 0, 1):
        return None
    edit = Edit(place.point(name.end), " =")
    text = f"`=` is missing between `{name.text}` and {described(token)}"
    diagnostic = Diagnostic("S0028", text, place.here(), "", help="write", edits=(edit,))
    return Mistake(diagnostic, place.inserted(Token("=", name.end, name.end, "=")))


def missing_comma(place: Place) -> Mistake | None:
    """`f(a b)`, `[1 2]`; `2x` lacks a `*`."""
    last, token = place.back(1), place.token
    ends = last.kind in ("NAME", "NUMBER", "STRING", ")", "]", "}") or last.kind.startswith("_")
    if not ends or (place.first and not place.open):
        return None
    point = place.point(last.end)
    if last.kind == "NUMBER" and last.end == token.start and token.kind in ("NAME", "(") and place.works(("TIMES",)):
        text = f"`*` is missing between {described(last)} and {described(token)}"
        diagnostic = Diagnostic("S0026", text, point, "", help="write", edits=(Edit(point, " * "),))
        return Mistake(diagnostic, place.inserted(Token("TIMES", last.end, last.end, "*")))
    if "," not in place.expected or not place.open or not place.works((",",), 0, 1):
        return None
    text = f"a comma is missing between {described(last)} and {described(token)}"
    diagnostic = Diagnostic("S0026", text, point, "", help="write", edits=(Edit(point, ","),))
    return Mistake(diagnostic, place.inserted(Token(",", last.end, last.end, ",")))


def double(place: Place) -> Mistake | None:
    """`f(a,, b)`, `f(, a)`, `{a, b,}` where no comma may stand."""
    token = place.token
    if token.kind == "," and place.works((), 1, 1):
        text = "this comma separates nothing"
        edit = Edit(place.span(token), "")
        diagnostic = Diagnostic("S0027", text, place.span(token), "", help="leave it out", edits=(edit,))
        return Mistake(diagnostic, place.left_out())
    last = place.back(1)
    if last.kind == "," and token.kind in (")", "]", "}"):
        text = f"no comma may stand before this `{token.text}`"
        edit = Edit(place.span(last), "")
        diagnostic = Diagnostic("S0027", text, place.span(last), "", help="leave it out", edits=(edit,))
        return Mistake(diagnostic, Repair(place.at - 1, place.at, ()))
    return None


def doubled_word(place: Place) -> Mistake | None:
    """`let let x = 1`."""
    kind, end = place.token.kind, place.at
    if kind != place.back(1).kind or not kind.startswith("_") or place.first:
        return None
    while place.tokens[end].kind == kind and not Lines(place.machine).first(end):
        end += 1
    if not place.works((), end - place.at, 1):
        return None
    span = place.span(place.token, place.tokens[end - 1])
    text = f"`{place.token.text}` stands here {'twice' if end == place.at + 1 else 'again and again'}"
    diagnostic = Diagnostic("S0027", text, span, "", help="leave one out", edits=(Edit(span, ""),))
    return Mistake(diagnostic, Repair(place.at, end, ()))


INSERTED = ("=", ":", "_FROM", "_IN")


def missing_sign(place: Place) -> Mistake | None:
    """`param width 40`, `choose keep {off, on}`: one sign or word is missing, and what follows shows which."""
    last = place.back(1)
    for kind in INSERTED:
        if kind == "_IN" and "COMPARE" in place.expected:
            continue
        if kind in place.expected and place.works((kind,), 0, 2):
            word = spelt(kind)
            text = f"`{word}` is missing before {described(place.token)}"
            point = place.point(last.end)
            space = "" if word == ":" else " "
            gap = place.machine.source.text[last.end : last.end + 1]
            edit = Edit(point, f"{space}{word}" + ("" if gap.isspace() else " "))
            diagnostic = Diagnostic("S0028", text, place.here(), "", help="write", edits=(edit,))
            return Mistake(diagnostic, place.inserted(Token(kind, last.end, last.end, word)))
    return None

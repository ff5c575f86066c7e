"""Characters that are no part of the language, and what was meant by them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .build import number
from .diagnostics import Diagnostic, Edit
from .source import Source, Span
from .tokens import KINDS, Token

MEANT = {
    "&&": ("_AND", "and"), "&": ("_AND", "and"), "||": ("_OR", "or"), "|": ("_OR", "or"),
    "!": ("_NOT", "not "), "~": ("_NOT", "not "), "∧": ("_AND", "and"), "∨": ("_OR", "or"), "¬": ("_NOT", "not "),
    "**": ("^", "^"), "//": ("TIMES", "/"), "<>": ("COMPARE", "!="), "===": ("COMPARE", "=="), ":=": ("=", "="),
    "=>": ("->", "->"), "→": ("->", "->"), "×": ("TIMES", "*"), "·": ("TIMES", "*"), "÷": ("TIMES", "/"),
    "−": ("-", "-"), "–": ("-", "-"), "—": ("-", "-"), "≤": ("<=", "<="), "≥": ("COMPARE", ">="),
    "≠": ("COMPARE", "!="), "∈": ("_IN", "in"), "…": ("..", ".."), "...": ("..", ".."), "，": (",", ","),
    "（": ("(", "("), "）": (")", ")"), "：": (":", ":"), "＝": ("=", "="),
}  # fmt: skip
"""What other languages write, and the kind and text that stand for it here."""

DROPPED = frozenset(";\\\ufeff\u200b\u200c\u200d\u2060")
QUOTES = {"'": "'", "`": "`", "“": "”", "”": "”", "„": "“", "‘": "’", "«": "»"}

_MEANT = re.compile("|".join(re.escape(text) for text in sorted(MEANT, key=len, reverse=True)))
_SUSPECT = re.compile(r"\*\*|//|<>|===|:=|=>|\.\.\.|\.[0-9]")
_POINTS = re.compile(r"(?:\.[0-9]+)+(?:[eE][+-]?[0-9]+)?%?")
_WORD = re.compile(r"\w+")
_TAIL = re.compile(r"[\s)\]},]*$")


@dataclass(frozen=True, slots=True)
class Oddity:
    """What to say, the tokens to go on with, and the offset after them."""

    diagnostic: Diagnostic
    tokens: tuple[Token, ...]
    end: int


def suspicious(source: Source, hit: re.Match[str], before: list[Token]) -> Oddity | None:
    """What is wrong with a token that the grammar has: another language's operator, a number out of range, `.5`."""
    text, at = source.text, hit.start()
    if hit.lastgroup == "operator":
        if not _SUSPECT.match(text, at):
            return None
        if hit.group() == "." and not (before and before[-1].kind in ("NAME", "]", ")") and before[-1].end == at):
            return _fraction(source, at, before)
        meant = _MEANT.match(text, at)
        return _meant(source, meant) if meant else None
    if (
        hit.lastgroup == "word"
        and hit.end() < len(text)
        and not text[hit.end()].isascii()
        and text[hit.end()].isalpha()
    ):
        return _foreign(source, at)
    if hit.lastgroup == "number":
        return _number(source, hit)
    return None


def stray(source: Source, at: int, before: list[Token]) -> Oddity:
    """What is wrong where no token begins."""
    text = source.text
    character = text[at]
    if character == '"':
        return _unterminated(source, at, before)
    if character == "%":
        return _percent(source, at, before)
    meant = _MEANT.match(text, at)
    if meant:
        return _meant(source, meant)
    if character in QUOTES:
        return _quoted(source, at)
    if character.isalpha():
        return _foreign(source, at)
    return _unknown(source, at)


def _oddity(code: str, message: str, place: Span, label: str, advice: str, text: str, *tokens: Token) -> Oddity:
    return Oddity(Diagnostic(code, message, place, label, help=advice, edits=(Edit(place, text),)), tokens, place.end)


def _meant(source: Source, hit: re.Match[str]) -> Oddity:
    place = Span(source, hit.start(), hit.end())
    kind, text = MEANT[hit.group()]
    if hit.group() == "//" and source.line(place.line)[: place.column - 1].strip() == "":
        end = place.start + len(source.line(place.line)) - place.column + 1
        edit = Edit(place, "#")
        text = "a comment begins with `#`"
        return Oddity(Diagnostic("S0010", text, place, "", help="write", edits=(edit,)), (), end)
    message = f"`{hit.group()}` is written `{text.strip()}` here"
    padded = text
    if kind.startswith("_"):
        around = source.text[max(0, place.start - 1) : place.start], source.text[place.end : place.end + 1]
        padded = (" " if around[0].isalnum() else "") + text.strip() + ("" if around[1].isspace() else " ")
    return _oddity("S0010", message, place, "", "write", padded, Token(kind, place.start, place.end, text.strip()))


def _fraction(source: Source, at: int, before: list[Token]) -> Oddity:
    hit = _POINTS.match(source.text, at)
    end = hit.end() if hit else at + 1
    if before and before[-1].kind == "NUMBER" and before[-1].end == at:
        at = before.pop().start
    place = Span(source, at, end)
    if place.text.count(".") > 1 or not place.text.startswith("."):
        told = Diagnostic("S0012", f"`{place.text[:30]}` is no number", place, "a number has one point at most")
        return Oddity(told, (Token("NUMBER", at, end, "0"),), end)
    text = f"0{place.text}"
    message = "a number begins with a digit"
    return _oddity("S0012", message, place, "", "write the zero", text, Token("NUMBER", at, end, text))


def _number(source: Source, hit: re.Match[str]) -> Oddity | None:
    try:
        number(hit.group())
    except OverflowError:
        place = Span(source, hit.start(), hit.end())
        message = "the number is too large or too long"
        advice = "numbers have at most 300 digits and lie below 1.8e308"
        token = Token("NUMBER", hit.start(), hit.end(), "0")
        return Oddity(Diagnostic("S0011", message, place, "", help=advice), (token,), hit.end())
    return None


def _percent(source: Source, at: int, before: list[Token]) -> Oddity:
    place = Span(source, at, at + 1)
    if before and before[-1].kind == "NUMBER" and source.text[before[-1].end : at].strip(" \t") == "":
        last = before.pop()
        whole = Span(source, last.start, at + 1)
        text = last.text.split(" ")[0].rstrip("%kMGiBmsu") + "%"
        message = "a percentage is written without a space"
        return _oddity("S0013", message, whole, "", "write", text, Token("NUMBER", last.start, at + 1, text))
    message = "`%` stands only after a number, as in 10%"
    return Oddity(Diagnostic("S0010", message, place, "there is no remainder operator"), (), at + 1)


def _unterminated(source: Source, at: int, before: list[Token]) -> Oddity:
    newline = source.text.find("\n", at)
    end = newline if newline >= 0 else len(source.text)
    line = source.text[at:end].rstrip()
    closed = re.match(r'"(?:\\.|[^"\\])*"', line)
    if closed:
        return _escape(source, at, closed.group())
    comment = re.search(r"\s#", line)
    content = (line[: comment.start()] if comment else line).rstrip()
    opened = sum((t.kind in "([{") - (t.kind in ")]}") for t in before if t.kind in "([{}])")
    tail = _TAIL.search(content)
    if opened > 0 and tail and tail.start() > 1:
        content = content[: tail.start()]
    content = content.rstrip("\\")
    if len(content) <= 1:
        place = Span(source, at, at + 1)
        return _oddity("S0014", "the string is not closed", place, "opened here", "leave the quote out", "")
    stop = at + len(content)
    place = Span(source, at, stop)
    token = Token("STRING", at, stop, '"' + re.sub(r"\\(?![\"\\])", "", content[1:]) + '"')
    edit = Edit(Span(source, stop, stop), '"')
    text = "the string is not closed"
    return Oddity(Diagnostic("S0014", text, place, "opened here", help="close it", edits=(edit,)), (token,), stop)


def _escape(source: Source, at: int, text: str) -> Oddity:
    place = Span(source, at, at + len(text))
    fixed = re.sub(r"\\(.)", lambda m: m.group() if m[1] in '"\\' else "\\\\" + m[1], text)
    message = 'a string knows the escapes \\" and \\\\ only'
    return _oddity("S0015", message, place, "", "double the backslash", fixed, Token("STRING", at, place.end, fixed))


def _quoted(source: Source, at: int) -> Oddity:
    closing = QUOTES[source.text[at]]
    newline = source.text.find("\n", at)
    end = newline if newline >= 0 else len(source.text)
    stop = min((p for p in (source.text.find(c, at + 1, end) for c in closing + '"') if p >= 0), default=-1)
    if stop < 0:
        return _unknown(source, at)
    place = Span(source, at, stop + 1)
    text = '"' + re.sub(r'["\\]', "", source.text[at + 1 : stop]) + '"'
    message = 'text stands between straight double quotes `"`'
    return _oddity("S0016", message, place, "", "write", text, Token("STRING", at, stop + 1, text))


def _foreign(source: Source, at: int) -> Oddity:
    hit = _WORD.match(source.text, at)
    end = hit.end() if hit else at + 1
    place = Span(source, at, end)
    text = plain(place.text)
    kind = KINDS.get(text, "NAME")
    if kind != "NAME":
        text, kind = text + "_", "NAME"
    label = "letters a to z, digits and `_`, in columns in quotes any"
    return _oddity("S0017", "names are ASCII", place, label, "write", text, Token(kind, at, end, text))


SPELLINGS = {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i"}


def _greek(letter: re.Match[str]) -> str:
    return unicodedata.name(letter[0], "x").rsplit(" WITH", 1)[0].rsplit(" ", 1)[-1].lower()


def plain(word: str) -> str:
    """A word as near to its spelling as ASCII comes."""
    for letter, spelling in SPELLINGS.items():
        word = word.replace(letter, spelling)
    word = re.sub(r"[\u0370-\u03ff]", _greek, word)
    ascii_ = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    text = re.sub(r"[^A-Za-z0-9_]", "", ascii_)
    return text if text and not text[0].isdigit() else f"x{text}"


def _unknown(source: Source, at: int) -> Oddity:
    place = Span(source, at, at + 1)
    character = place.text
    if character == ";":
        text = "`;` is not needed: a statement ends where the next begins"
        return _oddity("S0010", text, place, "", "leave it out", "")
    if character in DROPPED or not character.isprintable():
        return _oddity("S0010", _called(character), place, "", "leave it out", "")
    return Oddity(Diagnostic("S0010", _called(character), place), (Token("$BAD", at, at + 1, character),), at + 1)


def _called(character: str) -> str:
    if character.isprintable():
        return f"`{character}` is no part of the language"
    name = unicodedata.name(character, "a control character").lower()
    return f"a character that cannot be seen (U+{ord(character):04X}, {name}) is no part of the language"

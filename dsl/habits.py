"""Habits from other languages and from mathematics: what they are called here."""

from __future__ import annotations

from .constructs import operand_end
from .diagnostics import Diagnostic, Edit
from .mistakes import Mistake, Place, Repair
from .recovery import Lines
from .suggest import LOSSES
from .tokens import CLOSING, OPENING, RESERVED, Token

_STARTS = frozenset(("=", ",", "_IF", "_ELSE", "_REQUIRE", "_EXPECT", "_PREDICT", "_MINIMIZE", "_RETURN", "_FROM", ":"))


def implication(place: Place) -> Mistake | None:
    """`require keep[a, b] => dim[a] == 8`."""
    if place.token.kind != "->" or "->" in place.expected or "_OR" not in place.expected:
        return None
    start = _operand_start(place)
    left = place.tokens[start : place.at]
    whole = {t.kind for t, depth in _depths(left) if depth == 0} & {"_AND", "_OR", "_IF", "_CHOOSE"}
    first, last = left[0], left[-1]
    opened, closed = ("(", ")") if whole else ("", "")
    edits = (
        Edit(place.point(first.start), f"not {opened}"),
        Edit(place.span(last, place.token), f"{last.text}{closed} or"),
    )
    text = f"`{place.machine.source.text[place.token.start : place.token.end]}` is no implication here"
    told = Diagnostic("S0042", text, place.span(place.token), "", help="say it with `not` and `or`", edits=edits)
    at, end = first.start, last.end
    made = [Token("_NOT", at, at, "not"), Token("(", at, at, "("), *left, Token(")", end, end, ")")]
    return Mistake(told, Repair(start, place.at + 1, (*made, place.token._replace(kind="_OR", text="or"))))


def _operand_start(place: Place) -> int:
    """The index of the first token of what stands before the offending one."""
    depth = 0
    for i in range(place.at - 1, place.head, -1):
        kind = place.tokens[i].kind
        depth += (kind in CLOSING) - (kind in OPENING)
        if depth < 0 or (depth == 0 and kind in _STARTS):
            return i + 1
    return place.head + 1


def _depths(tokens: list[Token]) -> list[tuple[Token, int]]:
    depth, found = 0, []
    for token in tokens:
        depth -= token.kind in CLOSING
        found.append((token, depth))
        depth += token.kind in OPENING
    return found


def without_let(place: Place) -> Mistake | None:
    """`pairs = sum(…)` and `width = 8`."""
    token = place.token
    if not (place.first and "_LET" in place.expected and token.text.isidentifier() and token.text not in RESERVED):
        return None
    end = place.at + 1
    if place.tokens[end].kind == "[":
        end = operand_end(place.tokens, place.at)
    if place.tokens[end].kind != "=":
        return None
    stop = end + 2
    plain = place.tokens[end + 1].kind in ("NUMBER", "STRING") and end == place.at + 1
    plain = plain and (place.tokens[stop].kind in ("$END", "STRING") or Lines(place.machine).first(stop))
    word, kind = ("param", "_PARAM") if plain and "_PARAM" in place.expected else ("let", "_LET")
    edit = Edit(place.point(token.start), f"{word} ")
    text = f"`{word}` is missing before `{token.text}`"
    told = Diagnostic("S0028", text, place.span(token), "nothing is declared", help="write", edits=(edit,))
    return Mistake(told, place.inserted(Token(kind, token.start, token.start, word)))


def choose_in(place: Place) -> Mistake | None:
    """`choose x in {1, 2}`."""
    if place.token.kind != "_IN" or "_FROM" not in place.expected or not place.works(("_FROM",), 1, 1):
        return None
    edit = Edit(place.span(place.token), "from")
    told = Diagnostic("S0023", "the options of a decision stand behind `from`", place.span(place.token), "",
                      help="write", edits=(edit,))  # fmt: skip
    return Mistake(told, place.replaced("_FROM", "from"))


def search_without_braces(place: Place) -> Mistake | None:
    """`search random(trials = 8)`."""
    if place.token.kind not in ("(", "NAME") or "_SEARCH" not in (place.back(1).kind, place.back(2).kind):
        return None
    start = place.at - 1 if place.token.kind == "(" else place.at
    end = start
    while place.tokens[end].kind == "NAME" and place.tokens[end + 1].kind == "(":
        end = operand_end(place.tokens, end)
    if end == start:
        return None
    first, last = place.tokens[start], place.tokens[end - 1]
    edits = (Edit(place.point(first.start), "{ "), Edit(place.point(last.end), " }"))
    told = Diagnostic(
        "S0028", "the stages of a recipe stand in braces", place.span(first, last), "", help="write", edits=edits
    )
    left, right = Token("{", first.start, first.start, "{"), Token("}", last.end, last.end, "}")
    return Mistake(told, Repair(start, end, (left, *place.tokens[start:end], right)))


def unequal_binder(place: Place) -> Mistake | None:
    """`for i != j in fields`."""
    token, left, right = place.token, place.back(1), place.ahead(1)
    if token.kind != "COMPARE" or not {"_IN", "<"} <= place.expected or place.ahead(2).kind != "_IN":
        return None
    if token.text in (">", ">="):
        written = f"{right.text} {'<' if token.text == '>' else '<='} {left.text}"
        text, advice = f"a binder orders two names with `<` or `<=`, not with `{token.text}`", "write"
    else:
        written = f"{left.text} < {right.text}"
        text, advice = (
            f"a binder takes two names with `<`, `<=` or a comma, not with `{token.text}`",
            "each pair once is",
        )
    span = place.span(left, right)
    told = Diagnostic("S0043", text, span, "", help=advice, edits=(Edit(span, written),))
    names = written.split(" ")
    made = (
        left._replace(text=names[0]),
        Token(names[1], token.start, token.end, names[1]),
        right._replace(text=names[2]),
    )
    return Mistake(told, Repair(place.at - 1, place.at + 2, made))


def maximize(place: Place) -> Mistake | None:
    """`maximize auc`."""
    token, after = place.token, place.ahead(1)
    if token.text != "maximize" or not place.first or "_MINIMIZE" not in place.expected:
        return None
    lines = Lines(place.machine)
    later = range(place.at + 1, len(place.tokens))
    stop = next(
        (i for i in later if lines.first(i) and lines.column(i) <= lines.column(place.at)), len(place.tokens) - 1
    )
    last = place.tokens[max(stop - 1, place.at + 1)]
    kept = _as_minimize(place)
    if stop == place.at + 2 and after.text.lower() in LOSSES:
        loss = LOSSES[after.text.lower()]
        edits: tuple[Edit, ...] = (Edit(place.span(token, after), f"minimize {loss}"),)
        advice, kept = "a loss is minimized", Repair(place.at, place.at + 2, (*kept.tokens, after._replace(text=loss)))
    elif stop <= place.at + 1 or any(t.kind == "," and not d for t, d in _depths(place.tokens[place.at : stop])):
        edits, advice = (Edit(place.span(token), "minimize"),), "minimize what is smaller where it is better"
    else:
        edits = (
            Edit(place.span(token), "minimize"),
            Edit(place.point(after.start), "-("),
            Edit(place.point(last.end), ")"),
        )
        advice = "minimize what is smaller where it is better"
    told = Diagnostic(
        "S0023", "a space minimizes, it does not maximize", place.span(token), "", help=advice, edits=edits
    )
    return Mistake(told, kept)


def _as_minimize(place: Place) -> Repair:
    return place.replaced("_MINIMIZE", "minimize")

"""Mistakes in the constructs of the language: decisions inside arithmetic, chains of comparisons, labels, order."""

from __future__ import annotations

from .diagnostics import Diagnostic, Edit
from .mistakes import Mistake, Place, Repair
from .recovery import opens_part
from .source import Span
from .tokens import CLOSING, OPENING, Token

CLAUSES = ("_GIVEN", "_PRIOR", "_FACTORED", "_DEFAULT")
_LABELLED = ("_CHOOSE", "_CASE")
_JOINS = frozenset(("TIMES", "+", "-", "^", "COMPARE", "<", "<=", "..", "_AND", "_OR", "_IN"))
_STOPS = frozenset(("_IF", "_ELSE", "_FOR", ",", ":", "=", "->", "$END", "STRING"))


def choose_in_arithmetic(place: Place) -> Mistake | None:
    """`2 * choose k from {1, 2}` and `2 * choose k { a: 1 } given x`."""
    kind = place.token.kind
    if kind == "_FROM" and place.back(2).kind == "_CHOOSE" and "[" not in place.expected:
        start = place.at - 2
    elif kind in CLAUSES and place.back(1).kind == "}" and place.ahead(1).kind not in (":", "="):
        opening = _opening(place.tokens, place.at - 1)
        start = opening - 2
        if opening < 2 or place.tokens[start].kind != "_CHOOSE":
            return None
    else:
        return None
    end = _choice_end(place.tokens, place.at, kind == "_FROM")
    first, last = place.tokens[start], place.tokens[end - 1]
    what = "a decision `choose … from …`" if kind == "_FROM" else f"a decision with `{place.token.text}`"
    text = f"{what} inside a calculation needs parentheses"
    edits = (Edit(place.point(first.start), "("), Edit(place.point(last.end), ")"))
    inner = place.tokens[start:end]
    left, right = Token("(", first.start, first.start, "("), Token(")", last.end, last.end, ")")
    diagnostic = Diagnostic("S0030", text, place.span(first, last), "", help="put them around it", edits=edits)
    return Mistake(diagnostic, Repair(start, end, (left, *inner, right)))


def _opening(tokens: list[Token], closing: int) -> int:
    depth = 0
    for i in range(closing, -1, -1):
        depth += (tokens[i].kind in CLOSING) - (tokens[i].kind in OPENING)
        if depth == 0:
            return i
    return 0


def _choice_end(tokens: list[Token], at: int, domain: bool) -> int:
    """The index after a decision whose `from`, or first clause, stands at `at`."""
    i = operand_end(tokens, at + 1)
    while domain and tokens[i].kind == "..":
        i = operand_end(tokens, i + 1)
        while tokens[i].kind in ("+", "-", "TIMES"):
            i = operand_end(tokens, i + 1)
    while not domain and tokens[i].kind in _JOINS:
        i = operand_end(tokens, i + 1)
    while tokens[i].kind in CLAUSES:
        i = operand_end(tokens, i + 1)
        while tokens[i].kind in _JOINS:
            i = operand_end(tokens, i + 1)
    return i


def operand_end(tokens: list[Token], i: int) -> int:
    """The index after one operand with its calls and subscripts."""
    while tokens[i].kind in ("-", "_NOT"):
        i += 1
    depth, start = 0, i
    while i < len(tokens) - 1:
        kind = tokens[i].kind
        joined = tokens[i - 1].kind in (".", "_CHOOSE", "_CASE") or (kind == "{" and tokens[start].kind in _LABELLED)
        if depth == 0 and i > start and kind not in ("(", "[", ".") and not joined:
            break
        if kind in CLOSING and depth == 0:
            break
        if depth == 0 and kind in _STOPS:
            break
        depth += (kind in OPENING) - (kind in CLOSING)
        i += 1
    return i


def chain(place: Place) -> Mistake | None:
    """`i < j < k` between values."""
    machine, token = place.machine, place.token
    if token.kind not in ("COMPARE", "<", "<=") or len(machine.values) < 3:
        return None
    operator = machine.values[-2]
    if not isinstance(operator, Token) or operator.kind != "COMPARE":
        return None
    start, end = place.tokens[machine.firsts[-1]], place.back(1)
    middle = place.span(start, end)
    left = place.tokens[machine.firsts[-3]]
    text = "comparisons cannot be chained"
    point = Span(machine.source, end.end, end.end)
    edits = (Edit(point, f" and {middle.text}"),)
    repeated = place.tokens[machine.firsts[-1] : place.at]
    diagnostic = Diagnostic(
        "S0031", text, place.span(left, token), "two comparisons in a row", help="join them with `and`", edits=edits
    )
    return Mistake(diagnostic, place.inserted(Token("_AND", end.end, end.end, "and"), *repeated))


def chain_in_binder(place: Place) -> Mistake | None:
    """`[i < j < k in fields]`."""
    names = [place.back(3), place.back(1), place.ahead(1)]
    if place.token.kind not in ("<", "<=", "COMPARE") or place.expected != {"_IN"}:
        return None
    if any(n.kind != "NAME" for n in names) or place.ahead(2).kind != "_IN":
        return None
    start = place.at - 3
    end = operand_end(place.tokens, place.at + 3)
    domain = place.span(place.tokens[place.at + 3], place.tokens[end - 1])
    group = _unused(place)
    head = place.span(names[0], place.tokens[end - 1])
    edits = [Edit(head, f"{group} in subsets({domain.text}, 3)")]
    places = {n.text: f"{group}[{k}]" for k, n in enumerate(names, 1)}
    stop = next((i for i in range(end, len(place.tokens)) if opens_part(place.machine, i)), len(place.tokens))
    body = [i for i in range(place.head, stop) if not start <= i < end]
    for i in body:
        token = place.tokens[i]
        if token.kind == "NAME" and token.text in places and place.tokens[i + 1].kind != "=":
            edits.append(Edit(place.span(token), places[token.text]))
    text = "a binder orders two names, not three"
    strict = place.token.kind == place.back(2).kind == "<"
    advice = "take the subsets of three elements, and these by their places"
    if not strict:
        edits, advice = [], "`[s in subsets(S, 3)]` runs over three different elements"
    diagnostic = Diagnostic("S0032", text, head, "", help=advice, edits=tuple(edits))
    made = (Token("NAME", names[0].start, names[0].end, names[0].text), place.tokens[place.at + 2])
    return Mistake(diagnostic, Repair(start, place.at + 3, made))


def _unused(place: Place) -> str:
    taken = {t.text for t in place.tokens}
    return next(
        name
        for name in ("s", "t", "triple", "triple_", "triple__", "triple___")
        if name not in taken or name[-1:] == "_"
    )


def index_without_set(place: Place) -> Mistake | None:
    """`let e[f] = …`: the set that `f` runs over is missing."""
    if "_IN" not in place.expected or place.token.kind not in ("]", ")", "_IF") or place.back(1).kind != "NAME":
        return None
    if not place.works(("_IN", "NAME"), 0, 1):
        return None
    name, point = place.back(1), place.point(place.back(1).end)
    text = f"`{name.text}` needs a set to run over"
    diagnostic = Diagnostic(
        "S0033", text, place.span(name), "", help="for example the fields", edits=(Edit(point, " in fields"),)
    )
    at = name.end
    return Mistake(diagnostic, place.inserted(Token("_IN", at, at, "in"), Token("NAME", at, at, "fields")))


def indexed_inline(place: Place) -> Mistake | None:
    """`embed(f, choose dim[f] from …)`: an inline decision takes its index from what is around it."""
    if place.token.kind != "[" or place.back(2).kind != "_CHOOSE" or place.back(1).kind != "NAME":
        return None
    depth, end = 0, place.at
    while end < len(place.tokens) - 1:
        depth += (place.tokens[end].kind in OPENING) - (place.tokens[end].kind in CLOSING)
        end += 1
        if depth == 0:
            break
    if not place.works((), end - place.at, 1):
        return None
    span = place.span(place.token, place.tokens[end - 1])
    text = "a decision inside an expression has no index of its own"
    label = "it is made for every element of the family and the generators around it"
    diagnostic = Diagnostic("S0034", text, span, label, help="leave it out", edits=(Edit(span, ""),))
    return Mistake(diagnostic, Repair(place.at, end, ()))


def label(place: Place) -> Mistake | None:
    """`choose k { -1: a }`, `choose k { "a": x }`."""
    if not {"NAME", "NUMBER"} <= place.expected or "(" in place.expected:
        return None
    token, after = place.token, place.ahead(1)
    if token.kind == "-" and after.kind == "NUMBER" and place.ahead(2).kind == ":":
        name = "minus_" + "".join(c if c.isalnum() else "_" for c in after.text)
        span, end = place.span(token, after), place.at + 2
        text = "a label is a name or a number without a sign"
        advice = "name it"
    elif token.kind == "STRING" and after.kind == ":":
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in token.text[1:-1]) or "x"
        name = name if not name[0].isdigit() else f"x{name}"
        span, end = place.span(token), place.at + 1
        text, advice = "a label is a name or a number, without quotes", "write"
    else:
        return None
    diagnostic = Diagnostic("S0035", text, span, "", help=advice, edits=(Edit(span, name),))
    return Mistake(diagnostic, Repair(place.at, end, (Token("NAME", span.start, span.end, name),)))


def if_without_else(place: Place) -> Mistake | None:
    """`x if c`: what is it otherwise?"""
    if "_ELSE" not in place.expected or not place.works(("_ELSE", "NUMBER"), 0, 1):
        return None
    point = place.point(place.back(1).end)
    opening = next((t for t in reversed(place.tokens[place.head : place.at]) if t.kind == "_IF"), None)
    if opening is None:
        return None
    text = "an `if` between values needs an `else`"
    diagnostic = Diagnostic(
        "S0036", text, place.span(opening), "what is it otherwise?", help="write", edits=(Edit(point, " else 0"),)
    )
    at = point.start
    return Mistake(diagnostic, place.inserted(Token("_ELSE", at, at, "else"), Token("NUMBER", at, at, "0")))


def tuple_of(place: Place) -> Mistake | None:
    """`(1, 2)`: lists stand in square brackets."""
    if place.token.kind != "," or not place.open or place.tokens[place.open[-1]].kind != "(":
        return None
    start = place.open[-1]
    close = closing(place.tokens, start)
    if close is None or place.tokens[close].kind != ")" or ")" not in place.expected:
        return None
    first, last = place.tokens[start], place.tokens[close]
    inner = place.tokens[start + 1 : close]
    edits = (Edit(place.span(first), "["), Edit(place.span(last), "]"))
    text = "a list stands in square brackets"
    diagnostic = Diagnostic("S0040", text, place.span(first, last), "", help="write", edits=edits)
    made = (first._replace(kind="[", text="["), *inner, last._replace(kind="]", text="]"))
    return Mistake(diagnostic, Repair(start, close + 1, made))


def closing(tokens: list[Token], opening: int) -> int | None:
    """The index of the bracket that closes another, whatever its kind."""
    depth = 0
    for i in range(opening, len(tokens)):
        depth += (tokens[i].kind in OPENING) - (tokens[i].kind in CLOSING)
        if depth == 0:
            return i
    return None

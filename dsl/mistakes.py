"""What was probably meant where no rule allows a token: messages of their own for the mistakes that people make.

Each function looks for one mistake. The first that recognises its own gives the diagnostic and, where the intention is
clear, a repair of the tokens, so that the rest of the statement is still read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .diagnostics import Diagnostic, Edit, Note
from .machine import Machine
from .recovery import Lines, open_brackets, opens_item, opens_part
from .source import Span
from .tokens import Token
from .words import described, listed


@dataclass(frozen=True, slots=True)
class Repair:
    """Put `tokens` where those from `start` up to, not including, `end` stand."""

    start: int
    end: int
    tokens: tuple[Token, ...]
    anew: bool = False
    """Read the whole file again: parts of it have changed places."""


@dataclass(frozen=True, slots=True)
class Mistake:
    diagnostic: Diagnostic
    repair: Repair | None = None


class Place:
    """An offending token and what is around it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.tokens = machine.tokens
        self.at = machine.at
        self.token = machine.tokens[machine.at]
        self.head = machine.head()
        self.expected = machine.expected()
        self.open = open_brackets(self.tokens, self.head, self.at)
        self.first = Lines(machine).first(self.at)

    def back(self, count: int) -> Token:
        """The token so many before the offending one; a `$END` where there is none."""
        i = self.at - count
        return self.tokens[i] if i >= 0 else Token("$END", 0, 0, "")

    def ahead(self, count: int) -> Token:
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self.machine.source, first.start, (last or first).end)

    def point(self, offset: int) -> Span:
        return Span(self.machine.source, offset, offset)

    def here(self) -> Span:
        """The offending token; for the end of the file the end of what stands before it."""
        if self.token.kind == "$END" and self.at:
            last = self.tokens[self.at - 1]
            return Span(self.machine.source, last.end, last.end)
        return self.span(self.token)

    def works(self, new: Sequence[Token | str], skip: int = 0, ahead: int = 2) -> bool:
        """True if other tokens in the place of the next `skip` ones let reading go on for some more."""
        after = self.tokens[self.at + skip : self.at + skip + ahead]
        return self.machine.accepts(self.machine.before, (*new, *after)) is not None

    def made(self, kind: str, text: str, offset: int | None = None) -> Token:
        at = self.token.start if offset is None else offset
        return Token(kind, at, at, text)

    def replaced(self, kind: str, text: str) -> Repair:
        """A repair that puts another token in the place of the offending one."""
        return Repair(self.at, self.at + 1, (Token(kind, self.token.start, self.token.end, text),))

    def inserted(self, *tokens: Token) -> Repair:
        return Repair(self.at, self.at, tokens)

    def left_out(self) -> Repair:
        return Repair(self.at, self.at + 1, ())


Look = Callable[[Place], Mistake | None]


def unclosed(place: Place) -> Mistake | None:
    """A statement begins, or the file ends, while a bracket is open."""
    at = _next_start(place)
    if at is None:
        return None
    inner = [i for i in place.open if i < at]
    whole = inner or open_brackets(place.tokens, 0, at)
    if not whole or (not inner and _belongs_inside(place, at, whole[-1])):
        return None
    opening = place.tokens[whole[-1]]
    last = place.tokens[at - 1]
    closers = [{"(": ")", "[": "]", "{": "}"}[place.tokens[i].kind] for i in reversed(whole)]
    states = place.machine.before if at == place.at else None
    fixed = states is not None and place.machine.accepts(states, (*closers, place.token)) is not None
    edits = (Edit(place.point(last.end), "".join(closers)),) if fixed else ()
    repair = place.inserted(*(Token(c, last.end, last.end, c) for c in closers)) if fixed else None
    stop = place.tokens[at]
    word = "the file ends" if stop.kind == "$END" else f"`{stop.text}` begins the next statement"
    note = () if stop.kind == "$END" else (Note(place.span(stop), "here something new begins"),)
    text = f"`{opening.text}` is never closed"
    advice = f"close it with `{closers[0]}`" if fixed else ""
    diagnostic = Diagnostic("S0021", text, place.span(opening), f"still open where {word}", note, advice, edits)
    return Mistake(diagnostic, repair)


def _next_start(place: Place) -> int | None:
    """The index of the statement, entry or stage that begins here, or began a little before and was misread."""
    machine = place.machine
    for at in range(place.at, max(place.at - 3, -1), -1):
        if at < place.at and place.tokens[at].kind not in ("_CHOOSE", "NAME", "STRING"):
            continue
        if (opens_part(machine, at) and (at == place.at or place.tokens[at].kind == "_CHOOSE")) or opens_item(
            machine, at, place.head
        ):
            return at
    return None


def _belongs_inside(place: Place, at: int, opening: int) -> bool:
    """True if a block is open by right: a statement in the wrong block, not a block without an end."""
    token, lines = place.tokens[at], Lines(place.machine)
    if token.kind in ("$END", "_SPACE", "_COMPONENT", "_DATA", "_IMPORT"):
        return False
    start = opening
    while start > 0 and not lines.first(start):
        start -= 1
    return not lines.first(at) or lines.column(at) > lines.column(start)


def wrong_closing(place: Place) -> Mistake | None:
    """`(a, b]`, or a bracket that closes nothing."""
    token = place.token
    if token.kind not in (")", "]", "}"):
        return None
    if unseen(token):
        return _ends(place)
    if not place.open:
        block = open_brackets(place.tokens, 0, place.at)
        if block and place.tokens[block[-1]].kind == "{" and token.kind == "}":
            return None
        edit = (Edit(place.span(token), ""),) if place.works((), 1, 1) else ()
        text = f"`{token.text}` closes nothing"
        repair = place.left_out() if edit else None
        return Mistake(
            Diagnostic("S0022", text, place.span(token), "", (), "leave it out" if edit else "", edit), repair
        )
    opening = place.tokens[place.open[-1]]
    right = {"(": ")", "[": "]", "{": "}"}[opening.kind]
    if right == token.kind:
        return None
    note = (Note(place.span(opening), f"needs a `{right}`"),)
    text = f"`{opening.text}` is closed by `{token.text}`"
    if any(place.tokens[i].kind == {")": "(", "]": "[", "}": "{"}[token.kind] for i in place.open) and place.works(
        (right,), 0, 1
    ):
        edits = (Edit(place.point(place.back(1).end), right),)
        repair = place.inserted(place.made(right, right, place.back(1).end))
        text = f"`{opening.text}` is not closed before this `{token.text}`"
        return Mistake(
            Diagnostic("S0021", text, place.span(token), "", note, f"close it with `{right}`", edits), repair
        )
    if not place.works((right,), 1, 1):
        return Mistake(Diagnostic("S0022", text, place.span(token), "", note))
    edits = (Edit(place.span(token), right),)
    return Mistake(Diagnostic("S0022", text, place.span(token), "", note, "write", edits), place.replaced(right, right))


def unseen(token: Token) -> bool:
    """True for a token that nobody typed: of the file around a text that is a part of one."""
    return token.start == token.end


def _ends(place: Place) -> Mistake | None:
    """The text that is a part of a file ends: with brackets open, or with one too many."""
    last = place.back(1)
    if not place.open:
        if last.kind != place.token.kind or unseen(last):
            return None
        edit = (Edit(place.span(last), ""),)
        told = Diagnostic("S0022", f"`{last.text}` closes nothing", place.span(last), "", (), "leave it out", edit)
        return Mistake(told, place.left_out())
    opening = place.tokens[place.open[-1]]
    closers = [{"(": ")", "[": "]", "{": "}"}[place.tokens[i].kind] for i in reversed(place.open)]
    fixed = place.works((*closers, place.token), 1, 0)
    edits = (Edit(place.point(last.end), "".join(closers)),) if fixed else ()
    repair = place.inserted(*(Token(c, last.end, last.end, c) for c in closers)) if fixed else None
    text, advice = f"`{opening.text}` is never closed", f"close it with `{closers[0]}`" if fixed else ""
    told = Diagnostic("S0021", text, place.span(opening), "still open where the text ends", (), advice, edits)
    return Mistake(told, repair)


def expected_something(place: Place) -> Mistake | None:
    """What is said when nothing better is known."""
    last = place.back(1)
    inside = len(place.tokens) > 1 and unseen(place.tokens[-2]) and place.tokens[-2].kind == "}"
    wanted = listed(place.expected - {"}"} if inside and not place.open else place.expected)
    whole = place.expected & {"_LET", "_RETURN", "_SPACE", "$END"}
    if place.first and whole:
        text = f"{described(place.token)} begins nothing that can stand here"
        return Mistake(Diagnostic("S0020", text, place.here(), f"expected {wanted}"))
    if place.at and place.first and not unseen(last):
        text = f"expected {wanted} after {described(last)}"
        point = Span(place.machine.source, last.end, last.end)
        return Mistake(Diagnostic("S0020", text, point, f"{described(place.token)} follows"))
    text = f"expected {wanted}, found {described(place.token)}"
    label = f"not after {described(last)}" if place.at and not unseen(last) else ""
    return Mistake(Diagnostic("S0020", text, place.here(), label))

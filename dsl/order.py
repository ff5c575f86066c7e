"""Parts of a file in the wrong order, and statements where they do not belong."""

from __future__ import annotations

from .constructs import closing
from .diagnostics import Diagnostic, Edit, Note
from .mistakes import Mistake, Place, Repair
from .recovery import opens_part
from .tokens import Token


def no_return(place: Place) -> Mistake | None:
    """A component without a result."""
    if place.token.kind != "}" or "_RETURN" not in place.expected or place.open:
        return None
    text = "a component ends with `return` and its result"
    return Mistake(Diagnostic("S0041", text, place.span(place.token), "nothing is returned"))


def out_of_place(place: Place) -> Mistake | None:
    """Parts of a file in the wrong order, statements where they do not belong."""
    token = place.token
    if not opens_part(place.machine, place.at) or token.kind == "$END":
        return None
    span = place.span(token)
    if "_RETURN" in place.expected:
        text = f"`{token.text}` does not belong into a component"
        label = "a component holds `let`, `learn` and `choose`, and ends with `return`"
        return Mistake(Diagnostic("S0037", text, span, label))
    before = next((i for i in range(place.at) if _opens_space(place, i)), None)
    if token.kind == "_SPACE" and before is not None:
        note = (Note(place.span(place.tokens[before]), "the first one"),)
        rest = Repair(place.at, len(place.tokens) - 1, ())
        return Mistake(Diagnostic("S0038", "a file holds at most one space", span, "a second one", note), rest)
    if token.kind == "_IMPORT":
        return _moved(place, 0, "imports stand at the top of a file")
    if token.kind in ("_COMPONENT", "_DATA") and before is not None:
        return _moved(place, before, f"`{token.text}` must stand before the space")
    if "_SPACE" in place.expected and token.kind != "_RETURN":
        return _outside(place)
    return None


def _opens_space(place: Place, i: int) -> bool:
    return place.tokens[i].kind == "_SPACE" and opens_part(place.machine, i)


def _moved(place: Place, to: int, text: str) -> Mistake:
    """A part of a file that belongs further up."""
    tokens, at = place.tokens, place.at
    brace = next((i for i in range(at, len(tokens)) if tokens[i].kind == "{"), at)
    end = closing(tokens, brace) if tokens[at].kind != "_IMPORT" else at + (3 if tokens[at + 2].kind == "_AS" else 1)
    target = place.span(tokens[to])
    note = (Note(target, "it must stand before this"),)
    if end is None:
        return Mistake(Diagnostic("S0037", text, place.span(tokens[at]), "", note))
    part = place.span(tokens[at], tokens[end])
    edits = (Edit(place.point(target.start), part.text + "\n"), Edit(part, ""))
    diagnostic = Diagnostic("S0037", text, place.span(tokens[at]), "", note, "move it up", edits)
    made = (*tokens[at : end + 1], *tokens[to:at])
    return Mistake(diagnostic, Repair(to, end + 1, made, anew=True))


def _outside(place: Place) -> Mistake:
    """A statement before `space Name`, or without any."""
    token = place.token
    text = f"`{token.text}` stands outside of a space"
    later = next((i for i in range(place.at, len(place.tokens)) if _opens_space(place, i)), None)
    if later is not None:
        note = (Note(place.span(place.tokens[later]), "the space begins here"),)
        return Mistake(Diagnostic("S0037", text, place.span(token), "", note, "statements stand below `space Name`"))
    point = place.point(token.start)
    edits = (Edit(point, "space Main\n\n"),)
    diagnostic = Diagnostic("S0037", text, place.span(token), "", (), "put it into a space", edits)
    at = token.start
    return Mistake(diagnostic, place.inserted(Token("_SPACE", at, at, "space"), Token("NAME", at, at, "Main")))

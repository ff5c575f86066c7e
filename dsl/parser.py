"""Text to tree: an LALR machine over the shipped tables. Nothing here recurses, however deep the text is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from . import ast, constructs, mistakes, order, slips
from .diagnostics import Diagnostic, Note
from .lexer import MOST, lex
from .machine import DEEPEST, Machine
from .mistakes import Mistake, Place, Repair
from .recovery import UNREAD, resume
from .source import Source, Span
from .tables import Tables, load_tables

LONGEST = 1_000_000
"""Characters of text in one file, at most."""

LOOKS: tuple[mistakes.Look, ...] = (
    constructs.choose_in_arithmetic,  # before whatever would say that `from` is misplaced
    mistakes.unclosed,  # before all that looks at the statement which meets the open bracket
    constructs.if_without_else,
    constructs.index_without_set,  # before brackets that do not fit
    constructs.tuple_of,
    slips.double,
    order.no_return,
    mistakes.wrong_closing,
    constructs.indexed_inline,
    constructs.label,
    constructs.chain_in_binder,
    constructs.chain,
    slips.contextual,
    slips.equals,
    slips.doubled_word,
    slips.glued,
    slips.misspelt,
    slips.reserved,
    order.out_of_place,  # after misspelt words, which look like parts in the wrong place
    slips.missing_comma,
    slips.missing_sign,
    mistakes.expected_something,
)
"""Tried in this order; the first that recognises a mistake speaks."""


@cache
def _tables() -> Tables:
    return load_tables()


def parse(source: Source) -> tuple[ast.File | None, tuple[Diagnostic, ...]]:
    """The tree of a file, and everything that is wrong with it in the order of the text.

    Statements that could not be read are left out of the tree; their names stand in `broken`. None if nothing could.
    """
    if len(source.text) > LONGEST:
        return None, (_too_long(source),)
    tokens, found = lex(source)
    if len(found) >= MOST:
        return None, tuple(found)
    machine = Machine(_tables(), source, tokens)
    moving = {e.span.end for d in found for e in d.edits if d.code == "S0014"}
    unread: set[str] = set()
    while (file := machine.run()) is None:
        if len(found) >= MOST:
            return None, _sorted(found)
        _step(machine, found, unread)
    # Behind a string that is not closed nothing can be inserted: it would become part of the string.
    found = [replace(d, edits=()) if d.code != "S0014" and _touches(d, moving) else d for d in found]
    file = _without_unread(file, unread)
    if file.space is not None:
        found += _repeated(file.space)
    return file, _sorted(found)


def _touches(diagnostic: Diagnostic, places: set[int]) -> bool:
    return any(e.span.start in places or e.span.end in places for e in diagnostic.edits)


def _step(machine: Machine, found: list[Diagnostic], unread: set[str]) -> None:
    """Report what the machine stopped at, and make it go on."""
    if machine.deep is not None:
        found.append(_too_deep(machine.deep))
    elif machine.tokens[machine.at].kind != "$BAD":
        mistake = _recognised(Place(machine))
        if mistake.diagnostic not in found:
            found.append(mistake.diagnostic)
        if mistake.repair is not None and _repaired(machine, mistake.repair):
            return
    resume(machine, unread)


def _recognised(place: Place) -> Mistake:
    for look in LOOKS:
        mistake = look(place)
        if mistake is not None:
            return mistake
    raise AssertionError("the last look recognises everything")


def _repaired(machine: Machine, repair: Repair) -> bool:
    """Change the tokens and go on: where the machine stands if it can, else from the statement's beginning."""
    if repair.start == machine.at and machine.accepts(machine.states, repair.tokens[:1]) is not None and repair.tokens:
        machine.tokens[repair.start : repair.end] = repair.tokens
        return True
    length, head = (1, 0) if repair.anew else (machine.boundary(), machine.head())
    if machine.states[:length] != machine.before[:length] or machine.at - head > FARTHEST or repair.start < head:
        return False
    machine.tokens[repair.start : repair.end] = repair.tokens
    machine.rewind(length, head)
    return True


FARTHEST = 5000
"""Tokens that are read again after a repair, at most."""


def _without_unread(file: ast.File, unread: set[str]) -> ast.File:
    lost = {c.name for c in file.components if isinstance(c.result, ast.Name) and c.result.name == UNREAD}
    kept = tuple(c for c in file.components if c.name not in lost)
    return replace(file, components=kept, broken=frozenset(unread | lost)) if unread or lost else file


def _repeated(space: ast.Space) -> list[Diagnostic]:
    """A space predicts and minimizes once."""
    found: list[Diagnostic] = []
    for kind, word in ((ast.Predict, "predict"), (ast.Minimize, "minimize")):
        places = [
            Span(s.span.source, s.span.start, s.span.start + len(word)) for s in space.statements if type(s) is kind
        ]
        for place in places[1:]:
            note = Note(places[0], "the first one")
            advice = "several objectives stand in one `minimize`, with commas" if word == "minimize" else ""
            text = f"a space has one `{word}`"
            found.append(Diagnostic("S0039", text, place, "a second one", (note,), advice))
    return found


def _sorted(found: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda d: (d.span.start, d.span.end)))


def _too_long(source: Source) -> Diagnostic:
    return Diagnostic(
        "S0003",
        f"the file is longer than {LONGEST:,} characters",
        Span(source, 0, 0),
        help="split it into files and bring them together with `import`",
    )


def _too_deep(place: Span) -> Diagnostic:
    return Diagnostic(
        "S0005",
        f"the expression is more than {DEEPEST} operations deep",
        place,
        help="give a part of it a name with `let`, or write a long sum as `sum([…])`",
    )

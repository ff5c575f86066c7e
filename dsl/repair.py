"""What is done where reading stops: the mistake is named, the tokens are repaired or the statement is left out.

Only imported for files with errors: those without should not wait for it.
"""

from __future__ import annotations

from . import constructs, habits, mistakes, order, slips
from .diagnostics import Diagnostic
from .machine import DEEPEST, Machine
from .mistakes import Mistake, Place, Repair
from .recovery import resume
from .source import Span

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
    habits.implication,
    habits.unequal_binder,
    habits.search_without_braces,
    habits.choose_in,
    habits.maximize,
    slips.contextual,
    slips.equals,
    slips.option_sign,  # before commas, which would tear a name from its value
    slips.doubled_word,
    slips.glued,
    habits.without_let,  # before misspelt words, which a name at the head of a line looks like
    slips.misspelt,
    slips.reserved,
    order.out_of_place,  # after misspelt words, which look like parts in the wrong place
    slips.missing_comma,
    slips.missing_sign,
    mistakes.expected_something,
)
"""Tried in this order; the first that recognises a mistake speaks."""


def step(machine: Machine, found: list[Diagnostic], unread: set[str]) -> None:
    """Report what the machine stopped at, and make it go on."""
    if machine.deep is not None:
        found.append(_too_deep(machine.deep))
    elif machine.tokens[machine.at].kind != "$BAD":
        mistake = _recognised(Place(machine))
        if mistake.diagnostic.code == "S0042":  # what was read as another arrow is none
            found[:] = [d for d in found if d.span != mistake.diagnostic.span]
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


def _too_deep(place: Span) -> Diagnostic:
    return Diagnostic(
        "S0005",
        f"the expression is more than {DEEPEST} operations deep",
        place,
        help="give a part of it a name with `let`, or write a long sum as `sum([…])`",
    )

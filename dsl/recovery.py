"""How reading goes on after an error: where the next statement begins."""

from __future__ import annotations

from .machine import UNREAD, Machine
from .tokens import CLOSING, OPENING, Token

OPENERS = frozenset(("_LET", "_LEARN", "_PARAM", "_REQUIRE", "_EXPECT", "_PREDICT", "_MINIMIZE", "_RETURN", "$END"))
"""Words that stand nowhere but at the beginning of a statement."""

NEVER = frozenset(("NUMBER", "TIMES", "COMPARE", *"+-^<=,:.", "<=", "->", "..", "_IF", "_ELSE", "_FOR", "_IN", "_AND"))
"""Kinds that begin nothing; asked first, since long texts are full of them."""

DECLARING = frozenset(("_LET", "_LEARN", "_PARAM", "_CHOOSE", "_COMPONENT", "_DATA"))
SINGLE = frozenset(("_PREDICT", "_MINIMIZE", "_SEARCH"))


def open_brackets(tokens: list[Token], start: int, end: int) -> list[int]:
    """Indices of the brackets opened from `start` on that are still open at `end`."""
    stack: list[int] = []
    for i in range(start, min(end, len(tokens))):
        kind = tokens[i].kind
        if kind in OPENING:
            stack.append(i)
        elif kind in CLOSING and stack and tokens[stack[-1]].kind == CLOSING[kind]:
            stack.pop()
    return stack


class Lines:
    """Where lines begin, asked by index of a token."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def first(self, i: int) -> bool:
        """True if a token is the first of its line."""
        text, at = self.machine.source.text, self.machine.tokens[i].start - 1
        while at >= 0 and text[at] in " \t\r":
            at -= 1
        return at < 0 or text[at] == "\n"

    def column(self, i: int) -> int:
        return self.machine.source.position(self.machine.tokens[i].start)[1]


def opens_part(machine: Machine, i: int) -> bool:
    """True if a token looks like the beginning of a statement of a space, a recipe or a part of a file."""
    tokens, lines = machine.tokens, Lines(machine)
    kind = tokens[i].kind
    if kind in OPENERS:
        return True
    after = [t.kind for t in tokens[i + 1 : i + 4]] + ["$END"] * 3
    named = after[0] == "NAME" or after[0].startswith("_")
    if not (lines.first(i) or (i and tokens[i - 1].kind == "}")):
        return False
    match kind:
        case "_CHOOSE":
            return named and after[1] in ("[", "_FROM")
        case "_SEARCH":
            return after[0] == "{" or (named and after[1] == "{")
        case "_COMPONENT":
            return named and after[1] == "("
        case "_DATA":
            return named and after[1] in ("{", "STRING")
        case "_SPACE":
            return named and after[1] not in ("=", "(", "[", ".", ",", ":")
        case "_IMPORT":
            return after[0] == "STRING"
    return False


def opens_item(machine: Machine, i: int, head: int) -> bool:
    """True if a token looks like the next line of a data block, or the next stage of a recipe."""
    boundary = machine.tables.gotos[machine.before[machine.boundary() - 1]]
    lines, tokens = Lines(machine), machine.tokens
    sign = ":" if "entry" in boundary else "(" if "stage" in boundary else None
    if sign is None or i <= head or i + 1 >= len(tokens) or tokens[i + 1].kind != sign:
        return False
    return lines.first(i) and (not lines.first(head) or lines.column(i) <= lines.column(head))


def note_unread(machine: Machine, unread: set[str]) -> None:
    """Remember what the statement at hand would have declared."""
    at, end = machine.head(), machine.at
    if at >= len(machine.tokens):
        return
    kind = machine.tokens[at].kind
    if kind in DECLARING and at + 1 < len(machine.tokens) and machine.tokens[at + 1].kind != "$END":
        unread.add(machine.tokens[at + 1].text)
    elif kind in SINGLE:
        unread.add(machine.tokens[at].text)
    elif kind in ("NAME", "STRING") and at < end:
        unread.add(machine.tokens[at].text.strip('"'))
    for i in range(end, len(machine.tokens) - 1):
        if machine.tokens[i].kind[0] != "_":
            continue
        if opens_part(machine, i):
            break
        if machine.tokens[i].kind in DECLARING:
            unread.add(machine.tokens[i + 1].text)


def resume(machine: Machine, unread: set[str]) -> None:
    """Leave out the rest of the statement at hand and go on with the next one that fits."""
    note_unread(machine, unread)
    head = machine.head()
    indent = Lines(machine).column(min(head, machine.at))
    depth = len(open_brackets(machine.tokens, head, machine.at))
    limit = machine.boundary()
    for i in range(machine.at, len(machine.tokens)):
        token = machine.tokens[i]
        if token.kind in NEVER or (token.kind == "NAME" and machine.tokens[i + 1].kind not in (":", "(")):
            continue
        if _may_begin(machine, i, depth, indent) and _continued(machine, i, limit):
            return
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
    machine.rewind(1, len(machine.tokens) - 1)


def _may_begin(machine: Machine, i: int, depth: int, indent: int) -> bool:
    token = machine.tokens[i]
    if token.kind in OPENERS:
        return True
    item = i + 1 < len(machine.tokens) and machine.tokens[i + 1].kind in (":", "(")
    if not (item or token.kind == "}" or token.kind.startswith("_")):
        return False
    lines = Lines(machine)
    first = lines.first(i)
    if depth > 0 and not (first and lines.column(i) <= indent):
        return False
    if token.kind == "}":
        return depth <= 0
    if opens_part(machine, i):
        return True
    apart = first or (i > 0 and machine.tokens[i - 1].kind in (")", "{"))
    return apart and item and (token.kind != "STRING" or machine.tokens[i + 1].kind == ":")


def _continued(machine: Machine, i: int, limit: int) -> bool:
    """Go on at a token: with all that has been read where the token allows it, else with less and less."""
    token = machine.tokens[i]
    if machine.deep is None and _fits(machine, machine.states, token):
        machine.rewind(len(machine.states), i)
        return True
    for length in range(min(limit, len(machine.states)), 0, -1):
        states = machine.states[:length]
        if states != machine.before[:length] or not machine.starts(states):
            continue
        if _fits(machine, states, token):
            machine.rewind(length, i)
            return True
        if token.kind == "}" and machine.accepts(states, ("_RETURN", "NAME", "}")) is not None:
            at = token.start
            machine.tokens[i:i] = [Token("_RETURN", at, at, ""), Token("NAME", at, at, UNREAD)]
            machine.rewind(length, i)
            return True
    return False


def _fits(machine: Machine, states: list[int], token: Token) -> bool:
    """True if a token may stand after these states, there beginning or ending something whole."""
    kind = token.kind if token.kind in OPENERS or token.kind.startswith("_") else machine.kind_in(states, token)
    after = machine.accepts(states, (kind,))
    if after is None:
        return False
    if kind in OPENERS or kind in ("_SEARCH", "_COMPONENT", "_DATA", "_SPACE", "_IMPORT"):
        return True
    if kind == "}":
        return True
    return machine.starts(after[:-1])

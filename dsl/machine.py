"""The LALR machine: stacks, one step for each token, nodes built as rules are completed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import ast
from .build import EXPRESSIONS, RULES
from .source import Source, Span
from .tables import Rule, Tables
from .tokens import FALLBACK, Token

DEEPEST = 128
"""Levels of an expression's tree, at most: whoever walks trees by recursion is safe. A sum of n terms has n levels."""

TALLEST = 2000
"""Symbols on the stack, at most: what 64 levels of brackets need, and more."""

UNREAD = "$unread"
"""The name that stands for a component's result that could not be read. No text can spell it."""

STARTS = frozenset(("import_", "component", "data", "space", "statement", "definition", "entry", "stage"))
"""Rules that begin anew: where one of them may begin, reading can go on after an error."""


class Machine:
    """Reads `tokens` from `at` on. Where `run` stops at an error, `before` and `heads` are the stacks of states and of
    first tokens as they were before the offending token; the tokens may then be changed, and the machine run again.
    """

    def __init__(self, tables: Tables, source: Source, tokens: list[Token]) -> None:
        self.tables = tables
        self.source = source
        self.tokens = tokens
        self.at = 0
        self.states = [0]
        self.values: list[Any] = [None]
        self.firsts = [0]
        self.depths = [0]
        self.before = [0]
        self.heads = [0]
        self.deep: Span | None = None
        self._chains: dict[tuple[int, int, str], int] = {}

    def run(self) -> ast.File | None:
        """The tree, or None at a token that no rule allows, or where an expression is too deep (`deep`)."""
        actions, rules, end = self.tables.actions, self.tables.rules, self.tables.end
        states, values, firsts, depths = self.states, self.values, self.firsts, self.depths
        chains = self._chains
        while True:
            token = self.tokens[self.at]
            kind = token.kind
            if kind in FALLBACK and kind not in actions[states[-1]]:
                kind = FALLBACK[kind]
                token = token._replace(kind=kind)
            action = actions[states[-1]].get(kind)
            if action is None or action < 0 or len(states) > TALLEST:
                self.before, self.heads = states[:], firsts[:]
                if len(states) > TALLEST:
                    self.deep = Span(self.source, token.start, token.end)
                    return None
            while action is not None and action < 0:
                rule = rules[-1 - action]
                if rule.chained:
                    states[-1] = chains.get((states[-1], states[-2], kind)) or self._follow(
                        states[-1], states[-2], kind
                    )
                    action = actions[states[-1]].get(kind)
                    continue
                self._reduce(rule)
                if self.deep is not None:
                    return None
                if kind == "$END" and states[-1] == end:
                    return values[-1]  # type: ignore[no-any-return]
                action = actions[states[-1]].get(kind)
            if action is None:
                return None
            states.append(action)
            values.append(token)
            firsts.append(self.at)
            depths.append(0)
            self.at += 1

    def kind_in(self, states: Sequence[int], token: Token) -> str:
        """The terminal that a token is after these states: `search` is a name where no recipe can begin."""
        if token.kind in FALLBACK and token.kind not in self.tables.actions[states[-1]]:
            return FALLBACK[token.kind]
        return token.kind

    def accepts(self, states: Iterable[int], kinds: Iterable[str | Token]) -> list[int] | None:
        """The stack of states after some more tokens, or None if one of them is not allowed."""
        stack = list(states)
        for given in kinds:
            kind = given if isinstance(given, str) else self.kind_in(stack, given)
            while True:
                action = self.tables.actions[stack[-1]].get(kind)
                if action is None:
                    return None
                if action >= 0:
                    stack.append(action)
                    break
                rule = self.tables.rules[-1 - action]
                if rule.length:
                    del stack[-rule.length :]
                stack.append(self.tables.gotos[stack[-1]][rule.origin])
                if kind == "$END" and stack[-1] == self.tables.end:
                    return stack
        return stack

    def expected(self) -> frozenset[str]:
        """The terminals that could have stood at `at`."""
        row = self.tables.actions[self.before[-1]]
        return frozenset(kind for kind in row if self.accepts(self.before, (kind,)) is not None)

    def starts(self, states: Sequence[int]) -> bool:
        """True if after these states a statement, an entry, a stage or a part of a file may begin."""
        return not STARTS.isdisjoint(self.tables.gotos[states[-1]])

    def boundary(self) -> int:
        """The length of the stack below the statement that `at` belongs to."""
        length = len(self.before)
        while not self.starts(self.before[:length][-1:]):
            length -= 1
        return length

    def head(self) -> int:
        """The index of the first token of the statement that `at` belongs to."""
        length = self.boundary()
        return self.heads[length] if length < len(self.heads) else self.at

    def rewind(self, length: int, at: int) -> None:
        """Go on at another token with a shorter stack."""
        for stack in (self.states, self.values, self.firsts, self.depths):
            del stack[length:]
        self.at = at
        self.deep = None

    def _reduce(self, rule: Rule) -> None:
        states, values, firsts, depths = self.states, self.values, self.firsts, self.depths
        below = len(states) - rule.length
        first = firsts[below] if rule.length else self.at
        kids = values[below:]
        depth = max(depths[below:], default=0)
        del states[below:], values[below:], firsts[below:], depths[below:]
        if rule.transparent:
            values.append(kids[rule.picks[0][0]])
        elif rule.listed:
            values.append(_listed(rule, kids))
        else:
            values.append(self._build(rule, kids, first))
            depth = depth + 1 if rule.name in EXPRESSIONS else 0
            if depth > DEEPEST:
                self.deep = Span(self.source, self.tokens[first].start, self.tokens[self.at - 1].end)
        states.append(self.tables.gotos[states[-1]][rule.origin])
        firsts.append(first)
        depths.append(depth)

    def _follow(self, state: int, below: int, lookahead: str) -> int:
        """Where a chain of rules that only pass their child on ends. `x` goes through eleven of them to be an expr."""
        end = state
        while (action := self.tables.actions[end].get(lookahead, 0)) < 0:
            rule = self.tables.rules[-1 - action]
            if not rule.chained:
                break
            end = self.tables.gotos[below][rule.origin]
        self._chains[state, below, lookahead] = end
        return end

    def _build(self, rule: Rule, kids: list[Any], first: int) -> Any:
        picked: list[Any] = []
        for place, spread in rule.picks:
            if spread:
                picked.extend(kids[place])
            else:
                picked.append(kids[place] if place >= 0 else None)
        start = self.tokens[first].start
        end = self.tokens[self.at - 1].end if self.at else start
        return RULES[rule.name](self.source, picked, Span(self.source, start, max(start, end)))


def _listed(rule: Rule, kids: list[Any]) -> list[Any]:
    """Lists grow in place: they are only seen once the rule around them is complete."""
    place, spread = rule.picks[0]
    if not spread:
        return [kids[place]]
    grown: list[Any] = kids[place]
    grown.append(kids[rule.picks[1][0]])
    return grown

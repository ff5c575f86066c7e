"""The LALR machine: stacks, one step for each token, nodes built as rules are completed."""

from __future__ import annotations

from typing import Any

from . import ast
from .build import RULES, Build
from .source import Source, Span
from .tables import Rule, Tables
from .tokens import FALLBACK, Token


class Machine:
    """Reads `tokens` from `at` on. After `run` has stopped at an error, `before` is the stack of states as it was
    before the offending token, and the machine may be changed and run again.
    """

    def __init__(self, tables: Tables, source: Source, tokens: list[Token]) -> None:
        self.tables = tables
        self.source = source
        self.tokens = tokens
        self.at = 0
        self.states = [0]
        self.before = [0]
        self.values: list[Any] = [None]
        self.firsts = [0]
        self._chains: dict[tuple[int, int, str], int] = {}

    def run(self) -> ast.File | None:
        """The tree, or None at a token that no rule allows."""
        actions, end = self.tables.actions, self.tables.end
        while True:
            token = self.tokens[self.at]
            self.before = self.states[:]
            if token.kind not in actions[self.states[-1]] and token.kind in FALLBACK:
                token = token._replace(kind=FALLBACK[token.kind])
            kind = token.kind
            while True:
                action = actions[self.states[-1]].get(kind)
                if action is None:
                    return None
                if action >= 0:
                    break
                self._reduce(self.tables.rules[-1 - action], kind)
                if kind == "$END" and self.states[-1] == end:
                    return self.values[-1]  # type: ignore[no-any-return]
            self.states.append(action)
            self.values.append(token)
            self.firsts.append(self.at)
            self.at += 1

    def _reduce(self, rule: Rule, lookahead: str) -> None:
        states, values = self.states, self.values
        if rule.transparent and rule.length == 1:
            states[-1] = self._follow(states[-1], states[-2], lookahead)
            return
        count = rule.length
        kids = values[len(values) - count :] if count else []
        first = self.firsts[len(states) - count] if count else self.at
        if count:
            del states[-count:], values[-count:], self.firsts[-count:]
        values.append(self._build(rule, kids, first))
        states.append(self.tables.gotos[states[-1]][rule.origin])
        self.firsts.append(first)

    def _follow(self, state: int, below: int, lookahead: str) -> int:
        """Where a chain of rules that only pass their child on ends. `x` goes through eleven of them to be an expr."""
        key = (state, below, lookahead)
        end = self._chains.get(key)
        if end is None:
            end = state
            while (action := self.tables.actions[end].get(lookahead, 0)) < 0:
                rule = self.tables.rules[-1 - action]
                if not (rule.transparent and rule.length == 1):
                    break
                end = self.tables.gotos[below][rule.origin]
            self._chains[key] = end
        return end

    def _build(self, rule: Rule, kids: list[Any], first: int) -> Any:
        if rule.transparent:
            return kids[rule.picks[0][0]]
        if rule.name.startswith("__"):
            return self._listed(rule, kids)
        picked: list[Any] = []
        for place, spread in rule.picks:
            if spread:
                picked.extend(kids[place])
            else:
                picked.append(kids[place] if place >= 0 else None)
        last = self.tokens[self.at - 1].end if self.at else 0
        span = Span(self.source, self.tokens[first].start, max(last, self.tokens[first].start))
        build: Build = RULES[rule.name]
        return build(self.source, picked, span)

    def _listed(self, rule: Rule, kids: list[Any]) -> list[Any]:
        """Lists grow in place: they are only seen once the rule around them is complete."""
        place, spread = rule.picks[0]
        if not spread:
            return [kids[place]]
        grown: list[Any] = kids[place]
        grown.append(kids[rule.picks[1][0]])
        return grown

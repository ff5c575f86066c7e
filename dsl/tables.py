"""The LALR tables of `grammars/space.lark`, shipped as JSON because loading the grammar itself takes 0.3 s.

`python -m recspace.dsl.tables` writes them anew; only that needs lark. States are numbered in the order in which they
are reached from the start, so equal grammars give equal files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAMMARS = Path(__file__).parent.parent / "grammars"
GRAMMAR = GRAMMARS / "space.lark"
SHIPPED = GRAMMARS / "space.tables.json"

Pick = tuple[int, bool]
"""A child that the tree keeps: its place in the rule (-1: an optional part that is absent), and whether it is a list
whose elements become children themselves."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is what the tree calls it; `transparent` if its only child stands for it, `chained` if that is all there
    is; `listed` for what lark makes of `x*` and `x+`.
    """

    origin: str
    name: str
    length: int
    picks: tuple[Pick, ...]
    transparent: bool
    chained: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class Tables:
    """`actions[state][terminal]` is a state to shift to, or `-1 - rule` to reduce; `gotos[state][rule]` is a state."""

    grammar: str
    rules: tuple[Rule, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    end: int


def load_tables(path: Path = SHIPPED) -> Tables:
    """Read shipped tables. The start state is 0."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    rules = tuple(
        Rule(
            origin,
            name,
            length,
            tuple((p >> 1, bool(p & 1)) for p in picks),
            transparent,
            transparent and length == 1,
            name.startswith("__"),
        )
        for origin, name, length, picks, transparent in raw["rules"]
    )
    actions = tuple(raw["rows"][i] for i in raw["actions"])
    gotos = tuple(raw["rows"][i] for i in raw["gotos"])
    return Tables(raw["grammar"], rules, actions, gotos, raw["end"])


def grammar_hash(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def build_tables(text: str) -> str:
    """The JSON text of the tables of a grammar. Raises lark's GrammarError where the grammar has a conflict."""
    from lark import Lark

    lark = Lark(text, parser="lalr", strict=True, start="file", maybe_placeholders=True)
    table = lark.parser.parser._parse_table
    names = {t.name: t.pattern.value for t in lark.terminals if t.pattern.type == "str"}
    rules = sorted(lark.rules, key=lambda r: (r.origin.name, [s.name for s in r.expansion]))
    numbers = {rule: i for i, rule in enumerate(rules)}
    order = _reachable(table.states, table.start_states["file"])
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        action: dict[str, int] = {}
        goto: dict[str, int] = {}
        for symbol, (kind, target) in sorted(table.states[state].items()):
            if kind.name == "Reduce":
                action[names.get(symbol, symbol)] = -1 - numbers[target]
            else:
                inner = {r.origin.name for r in rules}
                (goto if symbol in inner else action)[names.get(symbol, symbol)] = order[target]
        actions.append(action)
        gotos.append(goto)
    rows, index = _shared([*actions, *gotos])
    return _printed(
        {
            "grammar": grammar_hash(text),
            "end": order[table.end_states["file"]],
            "rules": [_rule(r) for r in rules],
            "actions": index[: len(actions)],
            "gotos": index[len(actions) :],
            "rows": rows,
        }
    )


def _reachable(states: dict[Any, dict[str, tuple[Any, Any]]], start: Any) -> dict[Any, int]:
    order = {start: 0}
    queue = [start]
    for state in queue:
        for _, (kind, target) in sorted(states[state].items(), key=lambda item: item[0]):
            if kind.name != "Reduce" and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def _rule(rule: Any) -> list[Any]:
    gaps = "".join(str(int(b)) for b in rule.options.empty_indices).split("0")
    absent = [len(ones) for ones in gaps] if rule.options.empty_indices else [0] * (len(rule.expansion) + 1)
    picks: list[int] = []
    for i, symbol in enumerate(rule.expansion):
        picks += [-2] * absent[i]
        if not (symbol.is_term and symbol.filter_out):
            picks.append(2 * i + symbol.name.startswith("__"))
    picks += [-2] * absent[-1]
    transparent = bool(rule.options.expand1 and not rule.alias and len(picks) == 1)
    return [rule.origin.name, rule.alias or rule.origin.name, len(rule.expansion), picks, transparent]


def _shared(rows: list[dict[str, int]]) -> tuple[list[dict[str, int]], list[int]]:
    seen: dict[str, int] = {}
    index = [seen.setdefault(json.dumps(row, sort_keys=True), len(seen)) for row in rows]
    return [json.loads(text) for text in seen], index


def _printed(tables: dict[str, Any]) -> str:
    parts = []
    for key, value in tables.items():
        if key in ("rules", "rows"):
            lines = ",\n".join(json.dumps(v, separators=(",", ":")) for v in value)
            parts.append(f'"{key}":[\n{lines}\n]')
        else:
            parts.append(f'"{key}":{json.dumps(value, separators=(",", ":"))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    SHIPPED.write_text(build_tables(GRAMMAR.read_text(encoding="utf-8")), encoding="utf-8")

"""Names in a recipe that mean something of the space: `only = [layer]`, `along = k`, `upper = [u]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from recspace.compiler.decisions import Choice, Decision
from recspace.compiler.promise import Option, Promises
from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic
from recspace.dsl.source import Span

from .options import unknown
from .recipe import Recipe, StageCall

WORDS = {"decision": "decision", "learned": "learned tensor", "value": "value", "index": "index"}


def known_names(space: ast.Space, decisions: tuple[Decision, ...]) -> Mapping[str, frozenset[str]]:
    """What names of each kind a space has (see `Option.refers`)."""
    learned = frozenset(s.name for s in space.statements if isinstance(s, ast.Learn))
    return {
        "decision": frozenset(d.name for d in decisions),
        "learned": learned,
        "value": learned | {s.name for s in space.statements if isinstance(s, ast.Let)},
        "index": frozenset(name for d in decisions for name in binders(d)),
    }


def binders(decision: Decision) -> list[str]:
    """Names of the index, in the order of a key's parts: `i < j in fields` gives i and j."""
    return [name for axis in decision.axes for name in binders_of(axis)]


def binders_of(axis: str) -> list[str]:
    """Names of one part of an index: i and j of `i < j in fields`."""
    return [name for name in re.split(r"[\s,<=]+", axis.partition(" in ")[0].strip()) if name]


def index_of(name: str, decision: Decision) -> tuple[Choice, ...] | None:
    """What a binder is bound to, for every element of a decision; None if it is not indexed by it."""
    names = binders(decision)
    if decision.keys is None or name not in names:
        return None
    place = names.index(name)
    return tuple(key[place] for key in decision.keys)


def values_of(name: str, decisions: Iterable[Decision]) -> tuple[Choice, ...]:
    """All values of an index: numbers rising, others in the order in which they come."""
    found = list(dict.fromkeys(v for d in decisions for v in index_of(name, d) or ()))
    numbers = [v for v in found if not isinstance(v, str)]
    return tuple(sorted(numbers)) if len(numbers) == len(found) else tuple(found)


def strangers(recipe: Recipe, names: Mapping[str, frozenset[str]], promises: Promises) -> Iterator[Diagnostic]:
    """Every name of a recipe that the space does not have (S0607)."""
    for call in recipe.stages:
        yield from _of_call(call, names, promises)


def _of_call(call: StageCall, names: Mapping[str, frozenset[str]], promises: Promises) -> Iterator[Diagnostic]:
    promise = promises.stages.get(call.name)
    for option in promise.options if promise is not None else ():
        value = call.options.get(option.name)
        if option.refers and option.name in call.given and value is not None:
            yield from _of_option(option, value, call.spans.get(option.name, call.span), names[option.refers])
        if isinstance(value, StageCall):
            yield from _of_call(value, names, promises)
    for inner in call.inner:
        yield from _of_call(inner, names, promises)


def _of_option(option: Option, value: object, span: Span, known: frozenset[str]) -> Iterator[Diagnostic]:
    for name in value if isinstance(value, list) else [value]:
        if not isinstance(name, str):
            there = f"there are: {', '.join(sorted(known))}" if known else f"the space has no {WORDS[option.refers]}"
            yield Diagnostic("S0603", f"`{option.name}` must name a {WORDS[option.refers]}", span, help=there)
        elif name not in known:
            yield unknown("S0607", WORDS[option.refers], name, known, span)

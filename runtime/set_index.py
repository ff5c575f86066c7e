"""Decisions that are indexed by sets of fields: `keep[i < j in fields]`, `keep[k in 2..K, s in subsets(fields, k)]`."""

from __future__ import annotations

from recspace.compiler.decisions import Decision

from .references import binders_of

FieldSet = frozenset[str]


def sets_of(decision: Decision) -> tuple[FieldSet, ...] | None:
    """The set of every element, as names; None where the index is no set of two members or more.

    A set is bound by two names in one order (`i < j`), or by one whose every value joins several (`a*b*c`). The other
    binders (an order k) only tell elements apart. Ordered pairs (`i, j`) and pairs of a field with itself (`i <= j`) are
    no sets.
    """
    if decision.keys is None:
        return None
    places = _places(decision)
    if places is None:
        return None
    found = []
    for key in decision.keys:
        parts = [str(key[p]) for p in places]
        members = parts if len(parts) == 2 else parts[0].split("*")
        if len(set(members)) != len(members) or len(members) < 2:
            return None
        found.append(frozenset(members))
    return tuple(found)


def _places(decision: Decision) -> tuple[int, ...] | None:
    """Where in a key the set stands: two places of an unordered pair, or one of a whole set."""
    candidates: list[tuple[int, ...]] = []
    at = 0
    for axis in decision.axes:
        head = axis.partition(" in ")[0]
        width = len(binders_of(axis))
        if width == 2 and "<" in head and "<=" not in head:
            candidates.append((at, at + 1))
        elif width == 1 and decision.keys and all("*" in str(key[at]) for key in decision.keys):
            candidates.append((at,))
        at += width
    return candidates[0] if len(candidates) == 1 else None

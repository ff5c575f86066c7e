"""Which axis of a self-referring family is unrolled.

h[t in 0..T, i in fields] = … h[t - 1, j] …   →   a node for each t; the axis over fields stays
"""

from __future__ import annotations

from collections.abc import Mapping

from recspace.dsl import ast
from recspace.dsl.walk import walk

Definitions = Mapping[str, ast.Definition | ast.Param]


def names_in(definition: ast.Definition | ast.Param) -> frozenset[str]:
    """Definitions that the value of a definition reads (its index is no part of that)."""
    match definition:
        case ast.Let(value=value):
            parts: tuple[ast.Expr, ...] = (value,)
        case ast.Choose(domain=domain, clauses=clauses):
            parts = (domain, *(c.value for c in clauses))
        case ast.Learn(shape=shape, initial=initial):
            parts = tuple(e for e in (shape, initial) if e is not None)
        case ast.Param(value=value):
            parts = (value,)
    return frozenset(n.name for p in parts for n in walk(p) if isinstance(n, ast.Name))


def circles(definitions: Definitions) -> list[frozenset[str]]:
    """Groups of definitions that refer to one another (or one to itself)."""
    reads = {name: names_in(d) & definitions.keys() for name, d in definitions.items()}
    reach: dict[str, frozenset[str]] = {}
    for name in definitions:
        seen: set[str] = set()
        todo = list(reads[name])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += reads[other]
        reach[name] = frozenset(seen)
    found = {frozenset(o for o in reach[n] if n in reach[o]) for n in definitions if n in reach[n]}
    return sorted(found, key=sorted)


def ordered_axes(definitions: Definitions) -> dict[str, int]:
    """For every family in a circle the position of the binder along which it is unrolled.

    That is a range at which some reference in the circle differs from the binder (`t - 1`), or at which a family
    unrolled already is followed in step (`z[t, i, j]` inside `h[t, i]`).
    """
    axes: dict[str, int] = {}
    for circle in circles(definitions):
        families = {n: d for n in circle if isinstance(d := definitions[n], ast.Let)}
        references = [
            (reader, node.value.name, node.slots)
            for reader, d in families.items() for node in walk(d.value)
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.name in families
        ]  # fmt: skip
        for reader, name, slots in references:
            own = set(binder_names(families[reader]))
            for k in sorted(_ranges(families[name])):
                if k < len(slots) and not (isinstance(slot := slots[k], ast.Name) and slot.name in own):
                    axes.setdefault(name, k)
        grown = True
        while grown:
            grown = False
            for reader, name, slots in references:
                if reader in axes and name not in axes:
                    step = binder_names(families[reader])[axes[reader]]
                    at = [
                        k
                        for k in _ranges(families[name])
                        if k < len(slots) and slots[k] == ast.Name(step, slots[k].span)
                    ]
                    if at:
                        axes[name], grown = at[0], True
    return axes


def binder_names(definition: ast.Let) -> list[str]:
    return [n for b in definition.index for n in b.names.names]


def _ranges(definition: ast.Let) -> set[int]:
    """Positions of binders that run over ranges of whole numbers."""
    found, k = set(), 0
    for binder in definition.index:
        for _ in binder.names.names:
            if isinstance(binder.domain, ast.Binary) and binder.domain.operator == "..":
                found.add(k)
            k += 1
    return found

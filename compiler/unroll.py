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
    """Groups of definitions that refer to one another (or one to itself): the strongly connected components, found in
    one walk along all references (Tarjan's algorithm, its recursion an explicit stack)."""
    reads = {name: names_in(d) & definitions.keys() for name, d in definitions.items()}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: dict[str, None] = {}  # met, and in no group yet, in the order in which they were met
    found: list[frozenset[str]] = []
    for start in definitions:
        path = [] if start in number else [(start, iter(reads[start]))]
        while path:
            name, rest = path[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                open_[name] = None
            other = next(rest, None)
            if other is None:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[name])
                if lowest[name] == number[name]:
                    group = _taken_off(open_, name)
                    if len(group) > 1 or name in reads[name]:
                        found.append(group)
            elif other not in number:
                path.append((other, iter(reads[other])))
            elif other in open_:
                lowest[name] = min(lowest[name], number[other])
    return sorted(found, key=sorted)


def _taken_off(stack: dict[str, None], last: str) -> frozenset[str]:
    """The entries from the top down to `last`, removed."""
    group: list[str] = []
    while not group or group[-1] != last:
        group.append(stack.popitem()[0])
    return frozenset(group)


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

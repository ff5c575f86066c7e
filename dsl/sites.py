"""Stable names of places: which weights, which decision, which call. The compiler and the test oracle share these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .ast import Call, Expr, Name, Qualified, Subscript
from .walk import walk

Place = tuple[int, int]
"""Start and end of the span of a call."""


def base_name(function: Expr) -> str:
    """The name of what is called: `mlp` for `mlp(x)` and `mlp[i, j](x)`, `parts.deep` for `parts.deep(e)`."""
    while True:
        match function:
            case Name(name):
                return name
            case Qualified(module, name):
                return f"{module}.{name}"
            case Subscript(value):
                function = value
            case Call(inner):
                function = inner
            case _:
                return "call"


def calls(expressions: Iterable[Expr]) -> tuple[Call, ...]:
    """All calls in some expressions, in the order of the text, a call before those in its arguments."""
    found = [node for expression in expressions for node in walk(expression) if isinstance(node, Call)]
    return tuple(sorted(found, key=lambda call: (call.span.start, -call.span.end)))


def site_names(owner: str, expressions: Sequence[Expr]) -> dict[Place, str]:
    """A name for each call in one statement: `e.embed`, the next call of the same name `e.embed#2`.

    `owner` is the statement's name, or `predict`, `minimize`, `require`; "" in the result of a component.
    """
    return {place: joined(owner, name) for place, name in component_paths(calls(expressions)).items()}


def component_paths(calls_in_scope: Sequence[Call]) -> dict[Place, str]:
    """Names for calls of one body (all statements of a space or of a component): `deep`, `deep#2`, …

    Numbers count calls of one name in the order in which they are given: pass only the calls of components.
    """
    counts: dict[str, int] = {}
    names: dict[Place, str] = {}
    for call in calls_in_scope:
        name = base_name(call.function)
        counts[name] = counts.get(name, 0) + 1
        names[call.span.start, call.span.end] = name if counts[name] == 1 else f"{name}#{counts[name]}"
    return names


def joined(*parts: str) -> str:
    """`deep#2`, `h`, `mlp` to `deep#2.h.mlp`; empty parts are left out."""
    return ".".join(part for part in parts if part)

"""Aggregates over the values of a field, whose families are read for one value only; operators over vectors."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .terms import Expr, Linear, Op, Table, add, make, may_miss, scale
from .values import Unsupported, exact


def over_values(name: str, parts: list[Expr], copies: list[int], shared: bool) -> Expr:
    """An aggregate over the values of a field, each part for one value. `shared`: a part reads what is no family over
    values. Raises Unsupported for what is no sum."""
    match name:
        case "sum" | "mean" if not shared and not any(map(may_miss, parts)):
            whole = _spread_sum(parts, copies)
            return whole if name == "sum" else scale(whole, Fraction(1, sum(copies)))
        case "any" if not shared and not any(map(may_miss, parts)):
            return make(">=", [_spread_sum(parts, copies), 1])
        case "all" if not shared:
            return make("<=", [_spread_sum([make("not", [make("met", [p])]) for p in parts], copies), 0])
        case _:
            raise Unsupported(name)


def _spread_sum(parts: list[Expr], copies: list[int]) -> Expr:
    """Tables and atoms count for every value by themselves; what is constant is multiplied."""
    pieces = [make("+", [p, 0]) for p in parts]
    constants = ((c - 1) * _constant_part(p) for p, c in zip(pieces, copies, strict=True))
    return add([*pieces, *constants], spread=True)


def _constant_part(expr: Expr) -> Any:
    """What a sum over values adds for every further value besides the terms of its variables."""
    match expr:
        case Table() | Op():
            return 0
        case Linear(const):
            return const
        case _:
            return expr


def broadcast(name: str, args: list[Expr]) -> Expr:
    """An operator on vectors, number by number."""
    vectors = [a for a in args if isinstance(a, tuple)]
    if not vectors:
        return make(name, args)
    if name.startswith("over_"):
        return make(name.removeprefix("over_"), list(vectors[0]))
    rows = [a if isinstance(a, tuple) else (a,) * len(vectors[0]) for a in args]
    return tuple(broadcast(name, list(row)) for row in zip(*rows, strict=True))


def constant(values: Any) -> Any:
    """A row of a Constant as a value."""
    return exact(float(values)) if values.ndim == 0 else tuple(constant(v) for v in values)

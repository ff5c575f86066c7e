"""The forms that constraints over decision elements take. All say of a condition that it must not come to False."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .terms import Expr, Linear, Op, Table


@dataclass(frozen=True, slots=True)
class In:
    """The variable is in one of the states whose bits are set."""

    var: int
    mask: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Σ tables + Σ coefficient · atom ⋈ bound; `relation` is one of <= >= == !=. `spread` as in `Linear`."""

    tables: tuple[Table, ...]
    atoms: tuple[tuple[Any, Op], ...]
    relation: str
    bound: Any
    reads: frozenset[int]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts holds."""

    parts: tuple[Constraint, ...]
    reads: frozenset[int]


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold; only inside an `Either`."""

    parts: tuple[Constraint, ...]
    reads: frozenset[int]


@dataclass(frozen=True, slots=True)
class Holds:
    """The expression is not False (`positive`), or not True."""

    expr: Expr
    positive: bool
    reads: frozenset[int]


@dataclass(frozen=True, slots=True)
class Exists:
    """The variable is in its last state exactly where the condition does not hold."""

    var: int
    absent: int
    condition: Expr
    reads: frozenset[int]


Constraint = In | Sum | Either | Both | Holds | Exists


def reads(constraint: Constraint) -> frozenset[int]:
    """The variables that a constraint is about."""
    return frozenset((constraint.var,)) if isinstance(constraint, In) else constraint.reads


def never() -> Either:
    """What nothing meets."""
    return Either((), frozenset())


def spreads(constraint: Constraint) -> bool:
    """Whether it is about all values of a field at once."""
    match constraint:
        case Sum():
            return constraint.spread
        case Either(parts, _) | Both(parts, _):
            return any(map(spreads, parts))
        case Holds(expr, _, _) | Exists(_, _, expr, _):
            return spread_within(expr)
        case In():
            return False


def spread_within(expr: Expr) -> bool:
    """Whether an expression has a sum over the values of a field in it."""
    match expr:
        case Linear(_, _, atoms, spread):
            return spread or any(spread_within(a) for _, a in atoms)
        case Op(_, args):
            return any(map(spread_within, args))
        case tuple():
            return any(map(spread_within, expr))
        case _:
            return False

"""Expressions over decision elements, simplified as they are made.

An element is a variable with states 0..n−1, and one more, the last, where it may not exist. An expression is a plain
value (`evaluate.Value`), a function of one variable, a sum of such functions, or an operator over expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .values import Value, aggregate, scalar, settles


@dataclass(frozen=True, slots=True)
class Table:
    """A function of one variable: its value in every state."""

    var: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """const + Σ tables + Σ coefficient · atom. A table with None in it makes the whole None in that state. `spread`: a
    sum over the values of a field; what reads a family over values counts for each of them."""

    const: Any
    tables: tuple[Table, ...]
    atoms: tuple[tuple[Any, Op], ...] = ()
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """An operator over expressions of several variables: those of `scalar`, aggregates (`sum`, `max`, `any`, …),
    `select` (labels in `labels`, the subject first), `present`, `sure`, `met` (0, False, True where its operand is
    None) and `missing` (whether it is)."""

    name: str
    args: tuple[Any, ...]
    support: frozenset[int] = field(compare=False)
    labels: tuple[Any, ...] = ()


Expr = Any
"""Value | Table | Linear | Op (a Value may be anything that an option stands for)."""

AGGREGATES = frozenset({"sum", "product", "mean", "max", "min", "any", "all", "vector"})


def support(expr: Expr) -> frozenset[int]:
    """The variables that an expression reads."""
    match expr:
        case Table(var):
            return frozenset((var,))
        case Linear(_, tables, atoms):
            return frozenset(t.var for t in tables).union(*(a.support for _, a in atoms))
        case Op():
            return expr.support
        case tuple():
            return frozenset().union(*(support(e) for e in expr))
        case _:
            return frozenset()


def known(expr: Expr) -> bool:
    """Whether it is a plain value."""
    if isinstance(expr, tuple):
        return all(map(known, expr))
    return not isinstance(expr, Table | Linear | Op)


def make(name: str, args: Sequence[Expr], labels: tuple[Any, ...] = ()) -> Expr:
    """An operator over expressions, as simple as it can be."""
    if all(map(known, args)):
        return _fold(name, args, labels)
    if name in ("+", "-", "*", "/", "negate"):
        linear = _arithmetic(name, args)
        if linear is not None:
            return linear
    if name == "sum" and not all(map(may_miss, args)):
        return add([_present(a) for a in args])
    reads = frozenset().union(*map(support, args))
    if len(reads) == 1 and all(isinstance(a, Table) or known(a) for a in args):
        return tabulate(next(iter(reads)), name, args, labels)
    return Op(name, tuple(args), reads, labels)


def tabulate(var: int, name: str, args: Sequence[Expr], labels: tuple[Any, ...]) -> Expr:
    """An operator over functions of one variable: their values, state by state."""
    states = next(len(a.values) for a in args if isinstance(a, Table))
    values = tuple(
        _fold(name, [a.values[s] if isinstance(a, Table) else a for a in args], labels) for s in range(states)
    )
    return values[0] if all(_same(v, values[0]) for v in values[1:]) else Table(var, values)


def _same(a: Value, b: Value) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _fold(name: str, values: Sequence[Value], labels: tuple[Any, ...]) -> Value:
    match name:
        case "select":
            if values[0] is None:
                return None
            return next(v for label, v in zip(labels, values[1:], strict=True) if settles(values[0], label))
        case "present":
            return 0 if values[0] is None else values[0]
        case "sure":
            return bool(values[0])
        case "met":
            return values[0] is None or bool(values[0])
        case "missing":
            return values[0] is None
        case "member":
            return None if values[0] is None else values[1] in values[0]
        case _ if name in AGGREGATES:
            return aggregate(name, values)
        case _:
            return scalar(name, values)


def may_miss(expr: Expr) -> bool:
    """Whether an expression may come to None."""
    match expr:
        case Table(_, values):
            return None in values
        case Linear(_, tables, atoms):
            return any(None in t.values for t in tables) or any(may_miss(a) for _, a in atoms)
        case Op("present" | "sure" | "met" | "missing"):
            return False
        case Op("/" | "^" | "log"):
            return True
        case Op(name, args) if name in AGGREGATES:
            return all(map(may_miss, args))
        case Op(_, args):
            return any(map(may_miss, args))
        case tuple():
            return any(map(may_miss, expr))
        case _:
            return expr is None


def _present(expr: Expr) -> Expr:
    """An element of a sum, 0 where it does not exist."""
    match expr:
        case None:
            return 0
        case Table(var, values):
            return Table(var, tuple(0 if v is None else v for v in values))
        case _ if may_miss(expr):
            return Op("present", (expr,), support(expr))
        case _:
            return expr


def _arithmetic(name: str, args: Sequence[Expr]) -> Expr | None:
    parts = [_linear(a) for a in args]
    if any(p is None for p in parts):
        return None
    match name:
        case "+" | "-":
            return add([args[0], scale(args[1], 1 if name == "+" else -1)])
        case "negate":
            return scale(args[0], -1)
        case "*" if _number(args[0]) or _number(args[1]):
            number, other = (args[0], args[1]) if _number(args[0]) else (args[1], args[0])
            return scale(other, number)
        case "/" if _number(args[1]) and args[1]:
            return scale(args[0], Fraction(1) / Fraction(args[1]))
    return None


def _number(expr: Expr) -> bool:
    return isinstance(expr, int | Fraction)


def _linear(expr: Expr) -> Linear | None:
    match expr:
        case Linear():
            return expr
        case Table(_, values) if all(v is None or _number(v) for v in values):
            return Linear(0, (expr,))
        case Op():
            return Linear(0, (), ((1, expr),))
        case _ if _number(expr):
            return Linear(expr, ())
        case _:
            return None


def add(parts: Iterable[Expr], *, spread: bool = False) -> Expr:
    """The sum of linear expressions."""
    const: Any = 0
    tables: dict[int, tuple[Value, ...]] = {}
    atoms: dict[Op, Any] = {}
    for part in parts:
        own: tuple[Table, ...] = ()
        other: tuple[tuple[Any, Op], ...] = ()
        match part:
            case Table():
                own = (part,)
            case Linear(c, own, other, one_spread):
                const, spread = const + c, spread or one_spread
            case Op():
                other = ((1, part),)
            case _:
                const = const + part
        for table in own:
            before = tables.get(table.var)
            tables[table.var] = table.values if before is None else _plus(before, table.values)
        for coefficient, atom in other:
            atoms[atom] = atoms.get(atom, 0) + coefficient
    return _tidy(const, tables, atoms, spread)


def _plus(left: tuple[Value, ...], right: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(None if a is None or b is None else a + b for a, b in zip(left, right, strict=True))


def _tidy(const: Any, tables: Mapping[int, tuple[Value, ...]], atoms: Mapping[Op, Any], spread: bool = False) -> Expr:
    if spread and (tables or atoms):
        # Nothing moves between a table and the constant: a table may stand for many values.
        return Linear(
            const, tuple(Table(v, t) for v, t in tables.items()), tuple((c, a) for a, c in atoms.items()), True
        )
    moved: list[Table] = []
    for var, values in tables.items():
        if any(v != values[0] for v in values[1:]):
            moved.append(Table(var, values))
        elif values[0] is None:
            return None
        else:
            const = const + values[0]
    left = tuple((c, a) for a, c in atoms.items() if c)
    if not moved and not left:
        return const
    if len(moved) == 1 and not left:
        var, values = moved[0].var, moved[0].values
        return Table(var, tuple(None if v is None else v + const for v in values))
    return Linear(const, tuple(moved), left)


def scale(expr: Expr, factor: Any) -> Expr:
    """A linear expression times a number."""
    if factor == 0 and isinstance(expr, Op):
        return 0
    match expr:
        case Table(var, values):
            return _tidy(0, {var: tuple(None if v is None else v * factor for v in values)}, {})
        case Linear(const, tables, atoms, spread):
            scaled = {t.var: tuple(None if v is None else v * factor for v in t.values) for t in tables}
            return _tidy(const * factor, scaled, {a: c * factor for c, a in atoms}, spread)
        case Op():
            return Linear(0, (), ((factor, expr),))
        case _:
            return expr * factor


def substitute(expr: Expr, var: int, state: int) -> Expr:
    """The expression with one variable in a state."""
    match expr:
        case Table(own, values):
            return values[state] if own == var else expr
        case Linear(const, tables, atoms):
            if var not in support(expr):
                return expr
            parts: list[Expr] = [const]
            for table in tables:
                value = table.values[state] if table.var == var else table
                if value is None:
                    return None
                parts.append(value)
            for coefficient, atom in atoms:
                value = substitute(atom, var, state)
                if value is None:
                    return None
                parts.append(scale(value, coefficient))
            return add(parts, spread=expr.spread)
        case Op(name, args, reads, labels):
            if var not in reads:
                return expr
            return make(name, [substitute(a, var, state) for a in args], labels)
        case tuple():
            return tuple(substitute(e, var, state) for e in expr)
        case _:
            return expr

"""Constraints over decision elements: conjunctions taken apart, sums in a normal form.

Everything here is about conditions that must not come to False (None is met).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Any, assert_never

from .forms import Both, Constraint, Either, Exists, Holds, In, Sum, never, reads
from .terms import Expr, Linear, Op, Table, add, known, make, may_miss, scale, substitute, support

_OPPOSITE = {"<=": ">", ">=": "<", "<": ">=", ">": "<=", "==": "!=", "!=": "=="}
_SWAPPED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<", "==": "==", "!=": "!="}


def constrain(expr: Expr, positive: bool = True) -> list[Constraint]:
    """The constraints that together say that a condition is not False (not True where `positive` is off)."""
    match expr:
        case None:
            return []
        case Table(var, values):
            mask = sum(1 << s for s, v in enumerate(values) if v is None or bool(v) == positive)
            return [] if mask == (1 << len(values)) - 1 else [In(var, mask)] if mask else [never()]
        case Op("not", (inner,)):
            return constrain(inner, not positive)
        case Op("and" | "all", args) if positive:
            return [c for a in args for c in constrain(a)]
        case Op("or" | "any", args) if not positive:
            return [c for a in args for c in constrain(a, False)]
        case Op("or", args):
            return _either([constrain(a) for a in args])
        case Op("and", args):
            return _either([constrain(a, False) for a in args])
        case Op("any", args):
            return _either([*(constrain(make("sure", [a])) for a in args), *_nothing(args)])
        case Op("all", args):
            return _either([*(constrain(make("met", [a]), False) for a in args), *_nothing(args)])
        case Op("<=" | ">=" | "<" | ">" | "==" | "!=" as name, (left, right)):
            return _comparison(name if positive else _OPPOSITE[name], left, right)
        case Op("select", args, labels=labels):
            return _selected(expr, args, labels, positive)
        case _ if known(expr):
            return [] if bool(expr) == positive else [never()]
        case _:
            return [Holds(expr, positive, support(expr))]


def _nothing(args: Sequence[Expr]) -> list[list[Constraint]]:
    """The option that none of the elements of an aggregate exists: then it says nothing."""
    return [[c for a in args for c in constrain(make("missing", [a]))]] if all(map(may_miss, args)) else []


def _either(options: Sequence[list[Constraint]]) -> list[Constraint]:
    """One of several conjunctions; masks of one variable are joined, long lists of masks are counted."""
    if any(not o for o in options):
        return []
    masks: dict[int, int] = {}
    parts: list[Constraint] = []
    for option in options:
        if never() in option:
            continue
        match option:
            case [In(var, mask)]:
                masks[var] = masks.get(var, 0) | mask
            case [Either(inner, _)]:
                parts += inner
            case [one]:
                parts.append(one)
            case _:
                parts.append(Both(tuple(option), frozenset().union(*map(reads, option))))
    parts += [In(v, m) for v, m in masks.items()]
    if len(parts) == 1 and not isinstance(parts[0], Both):
        return [parts[0]]
    return [Either(tuple(parts), frozenset().union(*map(reads, parts)))]


def _selected(expr: Op, args: Sequence[Expr], labels: Sequence[Any], positive: bool) -> list[Constraint]:
    subject = args[0]
    if not isinstance(subject, Table):
        return [Holds(expr, positive, support(expr))]
    found: list[Constraint] = []
    for label, value in zip(labels, args[1:], strict=True):
        taken = make("select", [subject, *(i == label for i in labels)], tuple(labels))
        own = constrain(value, positive)
        if own:
            found += _either([constrain(taken, False), own])
    return found


def _comparison(name: str, left: Expr, right: Expr) -> list[Constraint]:
    if left is None or right is None:
        return []  # what never exists is compared with nothing
    for a, b, relation in ((left, right, name), (right, left, _SWAPPED[name])):
        if isinstance(a, Op) and a.name in ("max", "min"):
            bounded = _extreme(a, relation, b)
            if bounded is not None:
                return bounded
    return _linear(name, left, right)


def _extreme(extreme: Op, relation: str, other: Expr) -> list[Constraint] | None:
    """max(x) <= y: all of them; max(x) >= y: one of them."""
    args = extreme.args if extreme.name in ("max", "min") else ()
    every = ("<=", "<") if extreme.name == "max" else (">=", ">")
    one = (">=", ">") if extreme.name == "max" else ("<=", "<")
    if relation in every:
        return [c for a in args for c in constrain(make(relation, [a, other]))]
    if any(map(may_miss, args)) or not args:
        return None
    if relation in one:
        return _either([constrain(make(relation, [a, other])) for a in args])
    if relation == "==":
        return [*(_extreme(extreme, every[0], other) or ()), *(_extreme(extreme, one[0], other) or ())]
    return None


def _linear(name: str, left: Expr, right: Expr) -> list[Constraint]:
    for side, other, relation in ((left, right, name), (right, left, _SWAPPED[name])):
        if isinstance(side, Op) and side.name == "sum" and known(other):
            # No element may exist: then the requirement is met, whatever a sum of nothing would be.
            rest = constrain(make(relation, [add([make("present", [a]) for a in side.args]), other]))
            return rest if make(relation, [0, other]) else _either([rest, *_nothing(side.args)])
    for side in (left, right):
        if isinstance(side, Op) and side.name == "mean" and not any(map(may_miss, side.args)):
            n = len(side.args)
            whole, rest = make("sum", side.args), right if side is left else left
            relation = name if side is left else _SWAPPED[name]
            return constrain(make(relation, [whole, make("*", [rest, n])]))
    difference = _difference(left, right)
    if difference is None:
        expr = Op(name, (left, right), support(left) | support(right))
        return [Holds(expr, True, expr.support)]
    return normal(difference, name)


def _difference(left: Expr, right: Expr) -> Expr | None:
    """left − right; None (no value) where one of them is no number."""
    for side in (left, right):
        numbers = side.values if isinstance(side, Table) else (side,) if known(side) else ()
        if any(not isinstance(v, int) and v is not None and not _fraction(v) for v in numbers):
            return None
        if isinstance(side, Op) and side.name in ("select", "vector", "max", "min") and not _numeric(side):
            return None
    return add([left, scale(right, -1)])


def _numeric(op: Op) -> bool:
    args = op.args[1:] if op.name == "select" else op.args
    for arg in args:
        values = arg.values if isinstance(arg, Table) else (arg,) if known(arg) else ()
        if any(v is not None and not isinstance(v, int) and not _fraction(v) for v in values):
            return False
        if isinstance(arg, Op) and not _numeric(arg):
            return False
    return op.name != "vector"


def _fraction(value: Any) -> bool:
    return hasattr(value, "numerator")


def normal(difference: Expr, name: str) -> list[Constraint]:
    """difference ⋈ 0 as constraints."""
    match difference:
        case Linear(const, tables, atoms, spread):
            if name in ("<", ">"):
                return _strict(difference, _OPPOSITE[name])
            return [Sum(tables, atoms, name, -const, support(difference), spread)]
        case Op():
            return normal(Linear(0, (), ((1, difference),)), name)
        case _:
            return constrain(make(name, [difference, 0]))


def _strict(linear: Linear, opposite: str) -> list[Constraint]:
    """x < b over whole numbers is x <= b − 1; sums are scaled to whole numbers first."""
    if not all(_whole(a) for _, a in linear.atoms):
        expr = Op("<" if opposite == ">=" else ">", (linear, 0), support(linear))
        return [Holds(expr, True, expr.support)]
    numbers = [
        linear.const,
        *(v for t in linear.tables for v in t.values if v is not None),
        *(c for c, _ in linear.atoms),
    ]
    scaled = scale(linear, lcm(*(v.denominator for v in numbers)))
    bound = -scaled.const + (-1 if opposite == ">=" else 1)
    relation = "<=" if opposite == ">=" else ">="
    return [Sum(scaled.tables, scaled.atoms, relation, bound, support(scaled), scaled.spread)]


def _whole(expr: Expr) -> bool:
    """Whether an expression comes to whole numbers only."""
    match expr:
        case Table(_, values):
            return all(v is None or isinstance(v, int) for v in values)
        case Linear(const, tables, atoms):
            return (
                isinstance(const, int)
                and all(map(_whole, tables))
                and all(isinstance(c, int) and _whole(a) for c, a in atoms)
            )
        case Op(name, args, _, _):
            if name in ("and", "or", "not", "is", "member", "any", "all", "==", "!=", "<", ">", "<=", ">="):
                return True
            own = args[1:] if name == "select" else args
            return name in ("*", "+", "-", "max", "min", "product", "select", "present", "negate", "sum") and all(
                map(_whole, own)
            )
        case _:
            return expr is None or isinstance(expr, int)


def restrict(constraint: Constraint, var: int, state: int) -> list[Constraint]:
    """What is left of a constraint with one variable in a state."""
    match constraint:
        case In(own, mask):
            return [constraint] if own != var else [] if mask >> state & 1 else [never()]
        case Sum(tables, atoms, relation, bound, _, spread):
            rest = substitute(Linear(-bound, tables, atoms, spread), var, state)
            return [] if rest is None else normal(rest, relation)
        case Either(parts, _):
            return _either([restrict(p, var, state) if var in reads(p) else [p] for p in parts])
        case Both(parts, _):
            return [c for p in parts for c in (restrict(p, var, state) if var in reads(p) else [p])]
        case Holds(expr, positive, _):
            return constrain(substitute(expr, var, state), positive)
        case Exists(own, absent, condition, own_reads):
            if own == var:
                return existence(condition, state != absent)
            condition = substitute(condition, var, state)
            if not known(condition):
                return [Exists(own, absent, condition, own_reads - {var})]
            return [In(own, (1 << absent) - 1 if condition else 1 << absent)]
        case _:
            assert_never(constraint)


def existence(condition: Expr, wanted: bool) -> list[Constraint]:
    """Conditions of existence are two-valued: None does not hold."""
    if isinstance(condition, Table):
        condition = Table(condition.var, tuple(bool(v) for v in condition.values))
    elif may_miss(condition):
        condition = make("sure", [condition])
    return constrain(condition, wanted)


def exists(var: int, absent: int, condition: Expr) -> list[Constraint]:
    """The constraint that ties a variable to the condition under which it exists."""
    if known(condition):
        return [In(var, (1 << absent) - 1 if condition else 1 << absent)]
    return [Exists(var, absent, condition, support(condition) | {var})]

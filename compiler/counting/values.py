"""Values of the search phase, and what operators make of them. Numbers are exact.

A value is a number, a condition, a tuple of them (a vector), an `Option` (a name that a decision took), or None: it
reads a decision that does not exist. None spreads through arithmetic and comparisons; aggregates leave such elements
out; `and` and `or` are Kleene's. A requirement that comes to None is met.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..decisions import Choice, Domain

Value = Any


class Unsupported(Exception):
    """A node that the search phase cannot settle: it reads an example, a weight or a cost."""


@dataclass(frozen=True, slots=True)
class Option:
    """What a decision between names took: the label and its position in the domain."""

    label: Choice
    position: int


def exact(number: float | Fraction) -> int | Fraction | float:
    """A number that adds up exactly: 0.1 is a tenth. Infinities stay as they are."""
    if isinstance(number, int | Fraction):
        return number
    if not math.isfinite(number):
        return number
    return int(number) if number == int(number) else Fraction(repr(float(number)))


def _divide(a: Any, b: Any) -> Any:
    return exact(Fraction(a) / Fraction(b)) if b else None


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, int) and abs(b) < 4096:
        return (Fraction(a) ** b if b < 0 else a**b) if a or b >= 0 else None
    result = float(a) ** float(b)
    return None if isinstance(result, complex) else exact(result)


def _real(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def apply(x: Any) -> Any:
        try:
            return exact(function(float(x)))
        except (ValueError, OverflowError):
            return None

    return apply


_TWO: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide, "^": _power,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_ONE: Mapping[str, Callable[[Any], Any]] = {
    "negate": operator.neg, "not": operator.not_, "floor": math.floor, "ceil": math.ceil,
    "round": lambda x: math.floor(x + Fraction(1, 2)), "abs": abs, "relu": lambda x: max(x, 0),
    "log": _real(math.log), "exp": _real(math.exp), "tanh": _real(math.tanh),
    "sigmoid": _real(lambda x: 1 / (1 + math.exp(-x))),
}  # fmt: skip


def scalar(name: str, values: Sequence[Value]) -> Value:
    """One operator on values that are known; raises Unsupported for operators of the run phase."""
    if any(isinstance(v, tuple) for v in values):
        return _on_vectors(name, values)
    match name:
        case "and":
            return False if any(v is not None and not v for v in values) else None if None in values else True
        case "or":
            return True if any(values) else None if None in values else False
        case "is":
            return equals(*values)
        case "max" | "min":
            return None if None in values else aggregate(name, values)
    if None in values:
        if name in _TWO or name in _ONE:
            return None
        raise Unsupported(name)
    plain = [v.label if isinstance(v, Option) else v for v in values]
    if name in _TWO and len(plain) == 2:
        return _TWO[name](*plain)
    if name in _ONE and len(plain) == 1:
        return _ONE[name](plain[0])
    raise Unsupported(name)


def equals(subject: Value, wanted: Value) -> Value:
    """`is`: a position, or a value, is the wanted one."""
    return None if subject is None else (subject.position if isinstance(subject, Option) else subject) == wanted


def _on_vectors(name: str, values: Sequence[Value]) -> Value:
    if name.startswith("over_"):
        return aggregate(name.removeprefix("over_"), values[0])
    length = next(len(v) for v in values if isinstance(v, tuple))
    rows = [v if isinstance(v, tuple) else (v,) * length for v in values]
    return tuple(scalar(name, row) for row in zip(*rows, strict=True))


def aggregate(name: str, elements: Sequence[Value]) -> Value:
    """An aggregate over the elements that exist; None where there are elements and none of them exists."""
    there = [e for e in elements if e is not None]
    if elements and not there:
        return None
    match name:
        case "sum":
            return sum(there)
        case "product":
            return math.prod(there)
        case "mean":
            return _divide(sum(there), len(there)) if there else None
        case "max":
            return max(there, default=None)
        case "min":
            return min(there, default=None)
        case "any":
            return any(there)
        case "all":
            return all(there)
        case "vector" | "concat" | "stack":
            return tuple(x for e in elements for x in (e if isinstance(e, tuple) else (e,)))
        case _:
            raise Unsupported(name)


def option_value(domain: Domain, position: Any) -> Value:
    """What an element of a decision is as a value, given the position of its option."""
    match domain.kind:
        case "gate":
            return domain.options[position] == "on"
        case "number":
            return exact(domain.options[position])
        case "range":
            return int(domain.low) + position
        case "real":
            return exact(position)
        case "name" | "alternative":
            return Option(domain.options[position], position)
        case "subset":
            return frozenset(position)


def settles(value: Value, label: str | int | float | bool) -> bool:
    """Whether a subject takes the alternative of a label."""
    if isinstance(value, Option):
        return value.label == label or str(value.label) == str(label)
    if isinstance(label, str):
        return bool(value) == {"on": True, "off": False}.get(label)
    return bool(value == (label if isinstance(label, bool) else exact(label)))

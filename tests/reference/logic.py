"""Conditions: bool where they are known when compiling, else a Chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .values import (
    Chance,
    Choice,
    Ids,
    Joined,
    Sequence,
    ValueRef,
    Wide,
    arithmetic,
    elementwise,
    is_constant,
    number,
    over_choices,
    plain,
)

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


NAMES = ("off", "on")


def named(x: Any) -> Any:
    """A gate by the names of its options."""
    match x:
        case bool():
            return NAMES[x]
        case Chance(p):
            return Choice((("off", arithmetic("-", 1, p)), ("on", p)))
    return x


def compare(operator: str, a: Any, b: Any) -> Any:
    """bool at compile time, else a Chance."""
    if any(isinstance(x, str) and x in NAMES for x in (a, b)):
        a, b = named(a), named(b)
    a, b = (Choice(((0, arithmetic("-", 1, x.p)), (1, x.p))) if isinstance(x, Chance) else x for x in (a, b))
    if isinstance(a, Choice) or isinstance(b, Choice):
        return over_choices(lambda x, y: compare(operator, x, y), a, b)
    a, b = (x.id if isinstance(x, ValueRef) else x for x in (a, b))
    if any(isinstance(x, np.ndarray | Ids | Sequence | Wide | Joined) for x in (a, b)):
        return Chance(elementwise(lambda x, y: np.asarray(COMPARISONS[operator](x, y), float), plain(a), plain(b)))
    return bool(COMPARISONS[operator](a, b))


def negated(x: Any) -> Any:
    return not x if is_constant(x) else Chance(arithmetic("-", 1, number(x)))


def conjunction(a: Any, b: Any) -> Any:
    if is_constant(a):
        return b if a else False
    if is_constant(b):
        return a if b else False
    return Chance(arithmetic("*", number(a), number(b)))


def disjunction(a: Any, b: Any) -> Any:
    return negated(conjunction(negated(a), negated(b)))

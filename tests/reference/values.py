"""What an expression may be worth, and arithmetic on it.

Compile time: numbers, conditions (bool), labels (str), fields, values of fields, lists and sets (both tuples).
Search time: `Chance` (a gate or a condition), `Choice` (one of several), `Chosen` (a set).
Run time: float64 arrays, number [B], vector [B, n], matrix [B, r, n], where B may be 1 for what no example changes;
`Sequence`, `Ids`; `Joined` (a concat that remembers its parts) and `Wide` (a vector whose width decisions settle).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Key = tuple[Any, ...]
Element = tuple[str, Key]
"""A decision's name and the labels of its index."""


class Refused(Exception):
    """The language does not allow this, or the oracle does not know it."""


@dataclass(frozen=True)
class FieldRef:
    name: str


@dataclass(frozen=True)
class Bucket:
    field: FieldRef
    bins: int


@dataclass(frozen=True)
class Cross:
    fields: tuple[FieldRef, ...]
    bins: tuple[int, ...]
    rows: int = 0


@dataclass(frozen=True)
class ValueRef:
    """One known value of a field, by its id."""

    field: str
    id: int


@dataclass(frozen=True)
class Chance:
    """The probability that a condition holds, or the weight of a gate: a float, [B] or a Sequence."""

    p: Any


@dataclass(frozen=True)
class Choice:
    """Options with their probabilities."""

    options: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Chosen:
    """Members of a subset decision with their inclusion weights."""

    members: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Sequence:
    """data [B, L] or [B, L, n]; mask [B, L] is true where there is an element."""

    data: np.ndarray
    mask: np.ndarray
    pool: str = "mean"

    def pooled(self) -> np.ndarray:
        mask = self.mask.astype(float)
        total = (self.data * (mask if self.data.ndim == 2 else mask[..., None])).sum(1)
        if self.pool == "sum":
            return total
        n = np.maximum(mask.sum(1), 1)
        return total / (n if total.ndim == 1 else n[:, None])


class Position(int):
    """One of the places that a field of several values has in an example."""


@dataclass(frozen=True)
class Ids:
    """`value(f)` or `block(f, S)`: whole numbers [B] or [B, L] (−1 pads). `unknown`: 0 is a value never seen."""

    ids: np.ndarray
    field: str
    pool: str = "mean"

    def number(self) -> Any:
        if self.ids.ndim == 1:
            return self.ids.astype(float)
        return Sequence(self.ids.astype(float), self.ids >= 0, self.pool)


@dataclass(frozen=True)
class Joined:
    """concat: vectors side by side, or (matrix) rows one after the other. Part values are arrays or Wide."""

    parts: tuple[tuple[Key, Any], ...]
    matrix: bool = False


@dataclass(frozen=True)
class Wide:
    """A value for each assignment of the decision elements `keys`, whose distributions are `odds`."""

    keys: tuple[Element, ...]
    odds: Mapping[Element, tuple[tuple[Any, Any], ...]]
    table: Mapping[tuple[Any, ...], Any]


def label(x: Any) -> Any:
    """How an element of an index is called in keys."""
    match x:
        case FieldRef(name):
            return name
        case Bucket(field, bins):
            return f"{field.name}/{bins}"
        case Cross(fields):
            return "*".join(f.name for f in fields)
        case ValueRef(_, i):
            return i
        case tuple():
            return "*".join(str(label(a)) for a in x)
        case bool() | int() | float() | str():
            return x
    raise Refused(f"{x!r} cannot be an index")


def is_constant(x: Any) -> bool:
    return isinstance(x, bool | int | float)


# -- Mixtures ----------------------------------------------------------------------------------------------


def joint(wides: Iterable[Wide]) -> tuple[tuple[Element, ...], dict[Element, Any], list[tuple[Any, ...]]]:
    """All keys of some Wides, their odds, and every assignment of them."""
    odds: dict[Element, Any] = {}
    for wide in wides:
        for key in wide.keys:
            odds.setdefault(key, wide.odds[key])
    keys = tuple(odds)
    return keys, odds, list(itertools.product(*([o for o, _ in odds[k]] for k in keys)))


def at(x: Any, keys: tuple[Element, ...], options: tuple[Any, ...]) -> Any:
    """A Wide under an assignment; anything else as it is."""
    if not isinstance(x, Wide):
        return x
    of = dict(zip(keys, options, strict=True))
    return x.table[tuple(of[k] for k in x.keys)]


def probability(keys: tuple[Element, ...], odds: Mapping[Element, Any], options: tuple[Any, ...]) -> Any:
    p: Any = 1.0
    for key, option in zip(keys, options, strict=True):
        p = p * dict(odds[key])[option]
    return p


def lift(function: Callable[..., Any], *args: Any) -> Any:
    """Apply to every assignment of the Wides among the arguments; the result is Wide where one of them is."""
    wides = [a for a in args if isinstance(a, Wide)]
    if not wides:
        return function(*args)
    keys, odds, all_options = joint(wides)
    return Wide(keys, odds, {o: function(*(at(a, keys, o) for a in args)) for o in all_options})


def settled(x: Any) -> Any:
    """The expectation of a Wide whose values are of one width."""
    if not isinstance(x, Wide):
        return x
    return mix([(probability(x.keys, x.odds, o), v) for o, v in x.table.items()])


def mix(weighted: list[tuple[Any, Any]]) -> Any:
    """Σ p·x. A certain alternative is taken as it is; conditions stay conditions."""
    certain = [x for p, x in weighted if isinstance(p, float) and p == 1.0]
    if len(certain) == 1 and all(isinstance(p, float) and p in (0.0, 1.0) for p, _ in weighted):
        return certain[0]
    if all(isinstance(x, bool | Chance) for _, x in weighted):
        return Chance(total(arithmetic("*", p, number(x)) for p, x in weighted))
    if any(isinstance(x, str | FieldRef) for _, x in weighted):
        return Choice(tuple((x, p) for p, x in weighted))
    return total(arithmetic("*", p, number(x)) for p, x in weighted)


def total(terms: Iterable[Any]) -> Any:
    result: Any = 0
    for k, term in enumerate(terms):
        result = term if k == 0 else arithmetic("+", result, term)
    return result


def width_of(x: Any) -> Any:
    """The trailing dimensions of a value without decisions: () for a number."""
    x = plain(x)
    if isinstance(x, Sequence):
        return x.data.shape[2:]
    return x.shape[1:] if isinstance(x, np.ndarray) else ()


def branch(element: Element, weighted: list[tuple[Any, Any, Any]]) -> Any:
    """A choice (option, p, value) between values that may differ in width; constants take the others' shape."""
    values = [merged(x) for _, _, x in weighted]
    template = next((v for v in values if isinstance(v, np.ndarray | Sequence | Wide)), None)
    values = [like(template, v) if is_constant(v) and template is not None else v for v in values]
    keys, odds, all_options = joint(v for v in values if isinstance(v, Wide))
    widths = [
        {width_of(at(v, keys, o)) for v in values if not is_constant(v) and not isinstance(v, Chance | Choice | str)}
        for o in all_options
    ]
    weights = [p for _, p, _ in weighted]
    if all(len(w) <= 1 or () in w for w in widths):
        if not keys:
            return mix(list(zip(weights, values, strict=True)))
        return Wide(
            keys,
            odds,
            {o: mix([(p, at(v, keys, o)) for p, v in zip(weights, values, strict=True)]) for o in all_options},
        )
    odds[element] = tuple((option, p) for option, p, _ in weighted)
    table = {
        (*o, option): at(v, keys, o) for o in all_options for (option, _, _), v in zip(weighted, values, strict=True)
    }
    return Wide((*keys, element), odds, table)


# -- Forms -------------------------------------------------------------------------------------------------


def number(x: Any) -> Any:
    """What a value counts as in arithmetic: expectations of decisions, vectors of lists."""
    match x:
        case bool():
            return int(x)
        case Chance(p):
            return p
        case Choice(options):
            return mix([(p, o) for o, p in options])
        case Ids():
            return x.number()
        case tuple():
            return vector_of(x)
        case str() | FieldRef() | Chosen():
            raise Refused(f"{x!r} is no number")
    return x


def vector_of(items: tuple[Any, ...]) -> Any:
    """Numbers side by side: [B, n], or a Sequence where some belong to the elements of one."""
    values = [number(i) for i in items]
    sequence = next((v for v in values if isinstance(v, Sequence)), None)
    if sequence is not None:
        cells = [v.data if isinstance(v, Sequence) else np.asarray(v, float).reshape(-1, 1) for v in values]
        shape = sequence.data.shape
        return Sequence(np.stack([np.broadcast_to(c, shape) for c in cells], -1), sequence.mask, sequence.pool)
    cells = [scalar(v) for v in values]
    if not cells:
        return np.zeros((1, 0))
    return np.stack(np.broadcast_arrays(*cells), -1)


def scalar(x: Any) -> np.ndarray:
    """A number as [B]."""
    x = np.atleast_1d(np.asarray(plain(x), float))
    return x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x


def merged(x: Any) -> Any:
    """Joined without its memory: an array, or a Wide where a part is one."""
    if not isinstance(x, Joined):
        return x
    axis = 1 if x.matrix else -1
    values = [v for _, v in x.parts]

    def glue(*arrays: Any) -> np.ndarray:
        if not arrays:
            return np.zeros((1, 0, 0) if x.matrix else (1, 0))
        rows = max(a.shape[0] for a in arrays)
        return np.concatenate([np.broadcast_to(a, (rows, *a.shape[1:])) for a in arrays], axis)

    return lift(glue, *values)


def plain(x: Any) -> Any:
    """A constant, array or Sequence: decisions become expectations."""
    return settled(merged(number(x)))


def pooled(x: Any) -> Any:
    x = merged(number(x))
    return lift(lambda v: v.pooled() if isinstance(v, Sequence) else v, x)


def as_vector(x: Any) -> np.ndarray:
    """[B, n]; a number is a vector of one."""
    x = x.pooled() if isinstance(x, Sequence) else np.atleast_1d(np.asarray(x, float))
    return x[:, None] if x.ndim == 1 else x


def like(x: Any, value: float) -> Any:
    """The constant in the shape of x."""
    x = merged(number(x))

    def fill(v: Any) -> Any:
        if isinstance(v, Sequence):
            return Sequence(np.full_like(v.data, value), v.mask, v.pool)
        return np.full_like(np.asarray(v, float), value) if isinstance(v, np.ndarray) else value

    return lift(fill, x)


# -- Arithmetic --------------------------------------------------------------------------------------------

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "^": lambda a, b: a**b,
}


def over_choices(function: Callable[..., Any], *args: Any) -> Any:
    """The expectation of a consumer over the decisions that it reads, taken as independent."""
    choices = [k for k, a in enumerate(args) if isinstance(a, Choice)]
    if not choices:
        return function(*args)
    weighted = []
    for options in itertools.product(*(args[k].options for k in choices)):
        values, p = list(args), 1.0
        for k, (option, q) in zip(choices, options, strict=True):
            values[k], p = option, arithmetic("*", p, q)
        weighted.append((p, function(*values)))
    return mix(weighted)


def arithmetic(operator: str, a: Any, b: Any) -> Any:
    """+ − * / ^ on numbers, vectors, matrices; a number goes with anything."""
    if a is b and isinstance(a, Choice):  # one decision, read twice
        return mix([(p, arithmetic(operator, o, o)) for o, p in a.options])
    if a is b and isinstance(a, Chance) and operator == "*":
        return a.p
    if isinstance(a, Choice) or isinstance(b, Choice):
        return over_choices(lambda x, y: arithmetic(operator, x, y), a, b)
    a, b = number(a), number(b)
    if operator == "*":
        for x, y in ((a, b), (b, a)):
            if isinstance(x, Joined) and (is_constant(y) or (isinstance(y, np.ndarray) and y.ndim == 1)):
                return Joined(tuple((path, arithmetic("*", v, y)) for path, v in x.parts), x.matrix)
    return lift(lambda x, y: elementwise(ARITHMETIC[operator], *_summed(operator, x, y)), merged(a), merged(b))


def _summed(operator: str, a: Any, b: Any) -> tuple[Any, Any]:
    """A sequence is pooled before anything else than a sequence is added: of an empty list that is left."""
    if operator not in ("+", "-") or isinstance(a, Sequence) == isinstance(b, Sequence):
        return a, b
    return tuple(x.pooled() if isinstance(x, Sequence) else x for x in (a, b))  # type: ignore[return-value]


def elementwise(function: Callable[..., Any], *args: Any) -> Any:
    """A function of numbers on arrays of any shape; numbers are repeated along the axes of the others."""
    sequence = next((a for a in args if isinstance(a, Sequence)), None)
    if sequence is not None:
        axes = max(a.data.ndim for a in args if isinstance(a, Sequence))
        axes = max([axes, *(3 for a in args if isinstance(a, np.ndarray) and a.ndim == 2)])
        cells = [_in_sequence(a, axes) for a in args]
        masks = [a.mask for a in args if isinstance(a, Sequence)]
        if any(m.shape != masks[0].shape for m in masks):
            return elementwise(function, *(a.pooled() if isinstance(a, Sequence) else a for a in args))
        return Sequence(np.asarray(function(*cells), float), sequence.mask, sequence.pool)
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    axes = max((a.ndim for a in arrays), default=0)
    if any(a.ndim == 2 and axes == 3 for a in arrays):
        raise Refused("a vector meets a matrix")
    return function(*(a.reshape(a.shape + (1,) * (axes - a.ndim)) if isinstance(a, np.ndarray) else a for a in args))


def _in_sequence(x: Any, axes: int) -> Any:
    if isinstance(x, Sequence):
        return x.data if x.data.ndim == axes else x.data[..., None]
    if not isinstance(x, np.ndarray):
        return x
    return x.reshape((x.shape[0],) + (1,) * (axes - x.ndim) + x.shape[1:])

"""Values known when compiling: what binders run over and what names stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

from .decisions import Choice
from .ir import Run


@dataclass(frozen=True, slots=True)
class Label:
    """A name that stands for itself: an option of a decision, an activation."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of the data."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chosen:
    """A number that a row of a search-phase node settles, where a compile-time value needs one (bins of a bucket)."""

    node: int
    row: int

    def __str__(self) -> str:
        return "searched"


@dataclass(frozen=True, slots=True)
class Bucketed:
    """`bucket(f, bins)`."""

    field: FieldRef
    bins: int | Chosen

    def __str__(self) -> str:
        return f"{self.field}/{self.bins}"


@dataclass(frozen=True, slots=True)
class Crossed:
    """`cross(i, j, …)`; `bins[k]` cuts field k where it is a number without bins of its own, else 0."""

    fields: tuple[FieldRef, ...]
    bins: tuple[int | Chosen, ...]
    rows: int = 0

    def __str__(self) -> str:
        return "*".join(f.name for f in self.fields)


FieldLike = FieldRef | Bucketed | Crossed


@dataclass(frozen=True, slots=True)
class ItemSet:
    """A set in the order it was written or made; no element twice."""

    items: tuple[Atom, ...]

    def __iter__(self) -> Iterator[Atom]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class RealRange:
    """`0.0..1.0` or `log(a..b)`."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class SubsetsOf:
    """All subsets of `base` with `low`..`high` members, each a tuple in the order of `base`."""

    base: tuple[Atom, ...]
    low: int
    high: int

    def __iter__(self) -> Iterator[Atom]:
        for k in range(self.low, self.high + 1):
            yield from combinations(self.base, k)

    def __len__(self) -> int:
        return self.size()

    def size(self) -> int:
        """How many there are, however many (`len` takes no number beyond 2^63)."""
        return sum(comb(len(self.base), k) for k in range(self.low, self.high + 1))

    def too_many(self) -> bool:
        """Whether there are more than `MOST`: found without the large numbers themselves."""
        n, total = len(self.base), 0
        for k in range(self.low, self.high + 1):
            found = 1
            for j in range(min(k, n - k)):
                found = found * (n - j) // (j + 1)
                if found > MOST:
                    return True
            total += found
        return total > MOST


@dataclass(frozen=True, slots=True)
class SubsetDomain:
    """`subset(S, a..b)`: the domain of a decision that takes a set."""

    options: tuple[Atom, ...] | SubsetsOf
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class ValuesOf:
    """`values(f)`: symbolic, never spelled out."""

    field: str


@dataclass(frozen=True, slots=True)
class ElementsOf:
    """`elements(f)`: the positions of a multi-valued field in an example; the only run-time set."""

    field: str


@dataclass(frozen=True, slots=True)
class ValueVar:
    """What a binder over `values(f)` is bound to."""

    field: str

    def __str__(self) -> str:
        return "·"


@dataclass(frozen=True, slots=True)
class ElementVar:
    """What a binder over `elements(f)` is bound to; `name` tells i from j, `run` is the whole binder."""

    field: str
    name: str
    run: Run

    def __str__(self) -> str:
        return self.name


# Lists are Python tuples (indexed from 1 in the language), ranges Python ranges, numbers int | float, conditions bool.
Atom = (
    int
    | float
    | str
    | Label
    | FieldLike
    | Chosen
    | ItemSet
    | RealRange
    | SubsetsOf
    | SubsetDomain
    | ValuesOf
    | ElementsOf
    | ValueVar
    | ElementVar
    | range
    | tuple["Atom", ...]
)


def key_label(atom: object) -> Choice:
    """How an element of an index is called in keys, reports and `--fix`."""
    match atom:
        case bool() | int() | float() | str():
            return atom
        case tuple():
            return "*".join(str(key_label(a)) for a in atom)
        case _:
            return str(atom)


def is_number(atom: object) -> bool:
    return isinstance(atom, int | float)


MOST = 1_000_000
"""Elements of a set that is spelled out, and rows that binders make of sets."""


class TooMany(Exception):
    """A set that is too large to be spelled out; reported where it stands."""


def check_size(count: int) -> None:
    """Whether so many elements may be spelled out."""
    if count > MOST:
        raise TooMany


def members(atom: object) -> list[Any] | None:
    """The elements of a compile-time set, list or range; None if it is none."""
    match atom:
        case range():
            check_size(atom.stop - atom.start)
        case SubsetsOf() if atom.too_many():
            raise TooMany
    match atom:
        case ItemSet() | SubsetsOf():
            return list(atom)
        case tuple() | range():
            return list(atom)
        case _:
            return None


def describe(atom: object) -> str:
    """For messages."""
    match atom:
        case bool():
            return "a condition"
        case int() | float():
            return f"the number {atom}"
        case Label():
            return f"the name `{atom}`"
        case FieldRef() | Bucketed() | Crossed():
            return f"the field `{atom}`"
        case str():
            return "a text"
        case tuple():
            return "a list"
        case ItemSet() | SubsetsOf() | range() | ValuesOf() | ElementsOf():
            return "a set"
        case _:
            return str(atom)

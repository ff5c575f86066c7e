"""Shapes of the value that one element of a family has for one example. Batch and family axes are not part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Searched:
    """A width that a decision settles. Two are equal if they are the same expression over the same decision elements.

    `candidates`: every width it can take, in rising order. `key` identifies the expression; sums and products of
    searched widths are searched widths.
    """

    candidates: tuple[int, ...]
    key: tuple[object, ...]

    @property
    def widest(self) -> int:
        return self.candidates[-1]

    def __add__(self, other: Dim) -> Searched:
        return _combine("+", self, other)

    def __mul__(self, other: Dim) -> Searched:
        return _combine("*", self, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        return (
            "|".join(map(str, self.candidates)) if len(self.candidates) <= 6 else f"{self.candidates[0]}..{self.widest}"
        )


Dim = int | Searched


def _combine(operator: str, left: Searched, right: Dim) -> Searched:
    """Candidates are kept apart up to 256 combinations, then only the least and the widest are."""
    others = right.candidates if isinstance(right, Searched) else (right,)
    key = (operator, left.key, right.key if isinstance(right, Searched) else right)
    pairs = [(a, b) for a in left.candidates for b in others]
    values = sorted({a + b if operator == "+" else a * b for a, b in pairs})
    return Searched(tuple(values) if len(values) <= 256 else (values[0], values[-1]), key)


def widest(dim: Dim) -> int:
    return dim.widest if isinstance(dim, Searched) else dim


def fixed(dim: Dim) -> int:
    """A width that no decision settles."""
    assert isinstance(dim, int), f"{dim} is searched"
    return dim


@dataclass(frozen=True, slots=True)
class Shape:
    """number: dims (). vector: (n,). matrix: (rows, n). sequence: (n,) for each element, of run-time length."""

    kind: Literal["number", "vector", "matrix", "sequence"]
    dims: tuple[Dim, ...] = ()

    @property
    def last(self) -> Dim:
        """Width of the last axis; a number counts as a vector of one."""
        return self.dims[-1] if self.dims else 1

    @property
    def searched(self) -> bool:
        return any(isinstance(d, Searched) for d in self.dims)

    @property
    def fixed(self) -> tuple[int, ...]:
        """The dims of a shape without searched widths."""
        return tuple(fixed(d) for d in self.dims)

    def __str__(self) -> str:
        return self.kind + (f"[{', '.join(map(str, self.dims))}]" if self.dims else "")


NUMBER = Shape("number")


def vector(n: Dim) -> Shape:
    return Shape("vector", (n,))


def matrix(rows: Dim, n: Dim) -> Shape:
    return Shape("matrix", (rows, n))


def sequence(n: Dim) -> Shape:
    return Shape("sequence", (n,))

"""Counts by tracked sums: a polynomial maps the sums reached so far (one for each tracker) to a number of assignments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

Key = tuple[Any, ...]
Poly = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a tracked sum is needed for. `capped`: no part of it is negative, so it can only grow.

    `relation` <= >= == != against `bound`.
    """

    relation: str
    bound: Any
    capped: bool

    def clamp(self, total: Any) -> Any:
        """The sum as far as it matters; None where it can no longer be met."""
        if not self.capped:
            return total
        match self.relation:
            case ">=":
                return min(total, self.bound) if self.bound > 0 else 0
            case "!=":
                return total if total <= self.bound else max(self.bound + 1, 0)
            case _:
                return total if total <= self.bound else None

    def met(self, total: Any) -> bool:
        """Whether a complete sum will do."""
        match self.relation:
            case "<=":
                return bool(total <= self.bound)
            case ">=":
                return bool(total >= self.bound)
            case "==":
                return bool(total == self.bound)
            case _:
                return bool(total != self.bound)


class TooHard(Exception):
    """The count would take too long."""


@dataclass(eq=False, slots=True)
class Budget:
    """Steps that are left before a bound is given instead."""

    left: int

    def spend(self, steps: int) -> None:
        """Raises TooHard where nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise TooHard


Limits = tuple[Limit, ...]


def one(limits: Limits) -> Poly:
    """The empty product."""
    return {(0,) * len(limits): 1}


def join(a: Key, b: Key, limits: Limits) -> Key | None:
    """The sums of two parts together."""
    key = []
    for x, y, limit in zip(a, b, limits, strict=True):
        total = limit.clamp(x + y)
        if total is None:
            return None
        key.append(total)
    return tuple(key)


def multiply(p: Poly, q: Poly, limits: Limits, budget: Budget) -> Poly:
    """Assignments of two independent parts."""
    if not limits:
        return {(): p.get((), 0) * q.get((), 0)}
    dense = len(limits) == 1 and len(p) * len(q) > 4096
    if dense and limits[0].capped and all(isinstance(k[0], int) for s in (p, q) for k in s):
        return _packed(p, q, limits[0], budget)
    budget.spend(len(p) * len(q))
    found: dict[Key, int] = {}
    for a, m in p.items():
        for b, n in q.items():
            key = join(a, b, limits)
            if key is not None:
                found[key] = found.get(key, 0) + m * n
    return found


def _packed(p: Poly, q: Poly, limit: Limit, budget: Budget) -> Poly:
    """One multiplication of two big integers (Kronecker substitution) in place of all pairs of terms."""
    width = (max(p.values()).bit_length() + max(q.values()).bit_length() + min(len(p), len(q)).bit_length() + 8) // 8
    top = max(k[0] for k in p) + max(k[0] for k in q) + 1
    budget.spend(top + top * width // 256)
    packed = []
    for poly in (p, q):
        data = bytearray((max(k[0] for k in poly) + 1) * width)
        for (k,), n in poly.items():
            data[k * width : (k + 1) * width] = n.to_bytes(width, "little")
        packed.append(int.from_bytes(data, "little"))
    data = bytearray((packed[0] * packed[1]).to_bytes(top * width, "little"))
    found: dict[Key, int] = {}
    for k in range(top):
        n = int.from_bytes(data[k * width : (k + 1) * width], "little")
        key = limit.clamp(k) if n else None
        if key is not None:
            found[(key,)] = found.get((key,), 0) + n
    return found


def power(p: Poly, exponent: int, limits: Limits, budget: Budget) -> Poly:
    """The same part so many times."""
    if not limits:
        return {(): p.get((), 0) ** exponent}
    if exponent > 2 and len(p) <= 2:
        return _binomial(p, exponent, limits, budget)
    result: Poly | None = None
    while exponent:
        if exponent & 1:
            result = p if result is None else multiply(result, p, limits, budget)
        exponent >>= 1
        if exponent:
            p = multiply(p, p, limits, budget)
    return one(limits) if result is None else result


def _binomial(p: Poly, exponent: int, limits: Limits, budget: Budget) -> Poly:
    if not p:
        return {}
    (a, m), (b, n) = (*p.items(), *p.items())[:2]
    if len(p) == 1:
        n = 0
    found: dict[Key, int] = {}
    last = exponent if n else 0
    budget.spend(last + 1)
    # The parts that add something, so that capped sums end the loop early.
    if sum(a) > sum(b):
        a, m, b, n = (b, n, a, m) if n else (a, m, b, n)
    for k in range(last + 1):
        key = []
        for x, y, limit in zip(a, b, limits, strict=True):
            key.append(limit.clamp(x * (exponent - k) + y * k))
        if None in key:
            if all(limit.capped and y >= x for x, y, limit in zip(a, b, limits, strict=True)):
                break
            continue
        found[tuple(key)] = found.get(tuple(key), 0) + comb(exponent, k) * m ** (exponent - k) * n**k
    return found


def product(parts: Iterable[Poly], limits: Limits, budget: Budget) -> Poly:
    """All parts, multiplied as a balanced tree."""
    queue = list(parts)
    while len(queue) > 1:
        pairs = [multiply(a, b, limits, budget) for a, b in zip(queue[::2], queue[1::2], strict=False)]
        queue = pairs + ([queue[-1]] if len(queue) % 2 else [])
    return queue[0] if queue else one(limits)


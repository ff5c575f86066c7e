"""Counts by tracked sums: a polynomial maps the sums reached so far (one for each tracker) to how many reach them."""

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
    budget.spend(len(p) * len(q))
    found: dict[Key, int] = {}
    for a, m in p.items():
        for b, n in q.items():
            key = join(a, b, limits)
            if key is not None:
                found[key] = found.get(key, 0) + m * n
    return found


def power(p: Poly, exponent: int, limits: Limits, budget: Budget) -> Poly:
    """The same part so many times."""
    if not limits:
        return {(): p.get((), 0) ** exponent}
    if exponent > 2 and 1 <= len(p) <= 2:
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
    (a, m), *rest = sorted(p.items(), key=lambda term: sum(term[0]))
    b, n = rest[0] if rest else (a, 0)
    grows = all(limit.capped and y >= x for x, y, limit in zip(a, b, limits, strict=True))
    found: dict[Key, int] = {}
    for k in range(exponent + 1 if rest else 1):
        budget.spend(1)
        key = tuple(limit.clamp(x * (exponent - k) + y * k) for x, y, limit in zip(a, b, limits, strict=True))
        if None in key:
            if grows:
                break
            continue
        found[key] = found.get(key, 0) + comb(exponent, k) * m ** (exponent - k) * n**k
    return found


def product(factors: Iterable[tuple[Poly, int]], limits: Limits, budget: Budget) -> Poly:
    """All parts, each so many times."""
    joined: dict[int, tuple[Poly, int]] = {}
    for poly, n in factors:
        joined[id(poly)] = (poly, n + joined.get(id(poly), (poly, 0))[1])
    parts = list(joined.values())
    terms = sum(n * len(p) for p, n in parts)
    worth = terms > 64 or (terms > 16 and len(parts) > 1)
    whole = len(limits) == 1 and limits[0].capped and all(isinstance(k[0], int) for p, _ in parts for k in p)
    if worth and whole and all(p for p, _ in parts):
        return packed(parts, limits[0], budget)
    result = one(limits)
    for poly, n in sorted(parts, key=lambda part: len(part[0])):
        result = multiply(result, power(poly, n, limits, budget), limits, budget)
    return result


def packed(parts: list[tuple[Poly, int]], limit: Limit, budget: Budget) -> Poly:
    """The product of polynomials in one sum, as arithmetic on big integers (Kronecker substitution): the coefficient
    of every sum in a field of bits of its own, sums beyond the limit cut off."""
    most = sum(n * max(key[0] for key in p) for p, n in parts)
    total = 1
    for poly, n in parts:
        total *= sum(poly.values()) ** n
    top = min(most, limit.bound - 1 if limit.relation == ">=" else limit.bound)
    if top < 0:
        return {(limit.clamp(0),): total} if limit.relation in (">=", "!=") else {}
    width = (total.bit_length() + 8) // 8 * 8
    bits = (top + 1) * width
    budget.spend(bits // 64)
    cut = (1 << bits) - 1
    result = 1
    for poly, n in parts:
        packed_poly = sum(count << key[0] * width for key, count in poly.items() if key[0] <= top)
        shifts = [(key[0] * width, count) for key, count in poly.items() if key[0] <= top]
        if len(shifts) * n <= 64:
            for _ in range(n):
                budget.spend(len(shifts) * bits // 20_000)
                result = sum((result << s) * count for s, count in shifts) & cut
        else:
            result = result * _packed_power(packed_poly, n, cut, budget) & cut
    found: dict[Key, int] = {}
    data, size = result.to_bytes(bits // 8, "little"), width // 8
    for k in range(top + 1):
        count = int.from_bytes(data[k * size : (k + 1) * size], "little")
        if count:
            found[(k,)] = count
    rest = total - sum(found.values())
    if rest and limit.relation in (">=", "!="):
        found[(limit.clamp(top + 1),)] = rest
    return found


def _packed_power(base: int, exponent: int, cut: int, budget: Budget) -> int:
    result = 1
    while exponent:
        budget.spend(cut.bit_length() // 1_000)
        if exponent & 1:
            result = result * base & cut
        exponent >>= 1
        if exponent:
            base = base * base & cut
    return result

"""How much rows that agree in all fields of a set s have residuals of one sign: the salience of s.

    T_s = Σ over pairs of rows b ≠ c of  r_b · r_c · Π_{f in s} k_f(x_f(b), x_f(c))
    k_f(x, y) = [x = y] − p(x) − p(y) + Σ_v p(v)²,    p: the shares of f's values

k_f compares one-hot vectors less their mean, so what fewer fields of s explain cancels if fields are independent: a
parity shows in its own set alone. The random sign features φ_f of the values have E[φ_f(x) φ_f(y)] = [x = y]; mean over ρ
of (Σ_b r_b Π φ_f(x_f(b))_ρ)² estimates the same sum with noise, at R times the cost (docs/decisions/0012).

Rows fall into the cells of a table with an axis for each field, and k_f is a diagonal and three vectors, so the sum over
pairs of rows takes one pass over the rows and k passes over the table. Its mean and variance over all orders of the
residuals are exact (the moments of a quadratic form, as in Mantel, Cancer Research 1967). T is skewed as a sum of squares
is; by Wilson and Hilferty's cube root it is read on the scale of a normal number, so sets of any size are compared.

Letters: N rows, V values of a field; a table has an axis for each field of the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

LEAST_ROWS = 4
"""Fewer rows have no fourth moment."""


@dataclass(frozen=True, slots=True)
class Values:
    """A field on the rows at hand. `ranks` [N]: its value, 0 for the most frequent one; `shares` [V] falls (float64)."""

    ranks: Tensor
    shares: Tensor

    @property
    def count(self) -> int:
        return self.shares.numel()


@dataclass(frozen=True, slots=True)
class Kernel:
    """k_f on the values that have a place of their own; `own` [V] is 0 for the last one where it stands for all others, which
    then have no coordinate. k = diag(own) + a 1ᵀ + 1 aᵀ, a the slope; `slope` [V] = Σ p² / 2 − p."""

    own: Tensor
    slope: Tensor

    @property
    def diagonal(self) -> Tensor:
        return self.own + 2 * self.slope


@dataclass(frozen=True, slots=True)
class Agreement:
    """`statistic` is T; `mean`, `variance` and `skewness` are those of T over all orders of the residuals."""

    statistic: float
    mean: float
    variance: float
    skewness: float

    @property
    def z(self) -> float:
        """How many standard deviations of a normal number above chance; 0 where T is the same in every order."""
        if self.variance <= 0:
            return 0.0
        x, g = (self.statistic - self.mean) / sqrt(self.variance), self.skewness
        if g < 1e-6:
            return x
        root: float = max(g * x / 2 + 1, 0.0) ** (1 / 3)
        return 6 / g * (root - 1) + g / 6


def values_of(ids_N: Tensor) -> Values:
    """Ids as ranks by falling frequency; of equally frequent ones the smaller id comes first."""
    _, place_N, count_V = torch.unique(ids_N, return_inverse=True, return_counts=True)
    order_V = torch.argsort(count_V, descending=True, stable=True)
    rank_V = torch.empty_like(order_V)
    rank_V[order_V] = torch.arange(order_V.numel())
    return Values(rank_V[place_N], count_V[order_V].double() / max(ids_N.numel(), 1))


def level(counts: Sequence[int], cells: int) -> int:
    """The most values that every field may keep so that the table of all combinations has at most `cells` cells."""
    low, high = 1, max(counts, default=1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if prod(min(c, middle) for c in counts) <= cells else (low, middle - 1)
    return low


def agreement(fields: Sequence[Values], residual_N: Tensor, cells: int) -> Agreement:
    """The salience of a set of fields. `cells`: of the fields with most values only the frequent ones have a coordinate,
    so that the table has about as many cells at most. float64, on the CPU."""
    n = residual_N.numel()
    if n < LEAST_ROWS:
        return Agreement(0.0, 0.0, 0.0, 0.0)
    r_N = residual_N.double() - residual_N.double().mean()
    kept = [_kept(f, level([g.count for g in fields], cells)) for f in fields]
    kernels = [kernel for kernel, _ in kept]
    sizes = [kernel.own.numel() for kernel in kernels]
    cell_N = kept[0][1]
    for size, (_, place_N) in zip(sizes[1:], kept[1:], strict=True):
        cell_N = cell_N * size + place_N
    residual, square, rows = (
        torch.bincount(cell_N, weight_N, prod(sizes)).view(sizes) for weight_N in (r_N, r_N * r_N, torch.ones_like(r_N))
    )
    diagonal = _outer([kernel.diagonal for kernel in kernels])
    statistic = float((residual * _summed(residual, kernels)).sum() - (square * diagonal).sum())
    others = _summed(rows, kernels) - diagonal  # Σ over the other rows of the kernel, for a row of each cell
    one = float((rows * others).sum())
    both = float((rows * _summed_squares(rows, kernels)).sum() - (rows * diagonal**2).sum())
    each = float((rows * others**2).sum())
    mean, variance = _moments(r_N, one, both, each)
    return Agreement(statistic, mean, variance, _skewness(kernels, fields))


def _kept(field: Values, most: int) -> tuple[Kernel, Tensor]:
    """The kernel on the `most` most frequent values, and the place [N] of every row's value in it."""
    share_V = field.shares[:most]
    own_V = torch.ones_like(share_V)
    half = float((share_V**2).sum()) / 2
    if field.count > most:
        share_V, own_V = torch.cat([share_V, share_V.new_zeros(1)]), torch.cat([own_V, own_V.new_zeros(1)])
    return Kernel(own_V, half - share_V), field.ranks.clamp(max=most)


def _outer(vectors: Sequence[Tensor]) -> Tensor:
    result = vectors[0]
    for vector in vectors[1:]:
        result = result.unsqueeze(-1) * vector
    return result


def _along(vector: Tensor, axis: int, axes: int) -> Tensor:
    return vector.view([-1 if k == axis else 1 for k in range(axes)])


def _summed(table: Tensor, kernels: Sequence[Kernel]) -> Tensor:
    """For every cell x: Σ_y Π_f k_f(x_f, y_f) · table[y]."""
    for axis, kernel in enumerate(kernels):
        own, a = (_along(v, axis, table.ndim) for v in (kernel.own, kernel.slope))
        table = own * table + a * table.sum(axis, keepdim=True) + (a * table).sum(axis, keepdim=True)
    return table


def _summed_squares(table: Tensor, kernels: Sequence[Kernel]) -> Tensor:
    """The same with k_f²: (own + a_x + a_y)² is own · (1 + 4a) on the diagonal beside a_x² + 2 a_x a_y + a_y²."""
    for axis, kernel in enumerate(kernels):
        own, a = (_along(v, axis, table.ndim) for v in (kernel.own, kernel.slope))
        first, second, third = (t.sum(axis, keepdim=True) for t in (table, a * table, a * a * table))
        table = own * (1 + 4 * a) * table + a * a * first + 2 * a * second + third
    return table


def _moments(r_N: Tensor, one: float, both: float, each: float) -> tuple[float, float]:
    """Mean and variance of Σ_{b≠c} A_bc r_b r_c over all orders of r, whose sum is 0: exact.

    one = Σ A_bc, both = Σ A_bc², each = Σ_b (Σ_c A_bc)², all over b ≠ c. Pairs of pairs have two, one or no row in common.
    """
    n = r_N.numel()
    s2, s4 = float((r_N**2).sum()), float((r_N**4).sum())
    two = (s2 * s2 - s4) / (n * (n - 1))
    three = (2 * s4 - s2 * s2) / (n * (n - 1) * (n - 2))
    four = (3 * s2 * s2 - 6 * s4) / (n * (n - 1) * (n - 2) * (n - 3))
    mean = -one * s2 / (n * (n - 1))
    square = 2 * both * two + 4 * (each - both) * three + (one * one - 4 * each + 2 * both) * four
    return mean, square - mean * mean


def _skewness(kernels: Sequence[Kernel], fields: Sequence[Values]) -> float:
    """Of Σ λ_i χ²_1, which T is for many rows: 8 Σ λ³ / (2 Σ λ²)^1.5. The λ are taken for products of the eigenvalues of the
    fields' covariances, as they are where fields are independent."""
    squares: float = 1.0
    cubes: float = 1.0
    for kernel, field in zip(kernels, fields, strict=True):
        p = field.shares[: int(kernel.own.sum())]
        p2, p3, p4 = (float((p**k).sum()) for k in (2, 3, 4))
        squares *= p2 - 2 * p3 + p2 * p2
        cubes *= p3 - 3 * p4 + 3 * p2 * p3 - p2**3
    return 8 * cubes / (2 * squares * sqrt(2 * squares)) if squares > 0 else 0.0

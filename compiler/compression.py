"""Tables of embeddings that take less than a row of numbers for each value: which parts they have, and how many rows.

    full           a row of numbers for each value
    hashed         fewer rows, each shared by several values (Weinberger et al., ICML 2009): v modulo the rows
    quotient       two tables of about √V rows, multiplied number by number (Shi et al., KDD 2020, section 3.2)
    tensor_train   three cores of about ∛V slices (Yin et al., TT-Rec, MLSys 2021, equation 3)
    codes          codebooks, and for each value which vector of each (Chen et al., DPQ-SX, ICML 2020, section 2.2)
    int8           a row of bytes for each value, times a scale of its own (Guan et al., 2019), learned through the rounding

Ids are ordered by how often training had them, so of the values that share a row modulo R one is frequent and the others are rare.
V known values, n width. Row 0 of every part belongs to the unknown value, and to it alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .promise import Initial, Weight

FULL = "full"
OPTIONS: Mapping[str, tuple[str, ...]] = {
    FULL: (),
    "hashed": ("hash_rows",),
    "quotient": (),
    "tensor_train": ("rank",),
    "codes": ("codebooks", "codewords"),
    "int8": (),
}
"""The kinds, each with those options of `embed` that say how large its tables are."""
KINDS = tuple(OPTIONS)
PACKED = ("codes", "int8")
"""Kinds that are learned as numbers and stored as bytes once nothing is learned any more."""


def parts(values: int, options: Mapping[str, Any]) -> tuple[Weight, ...]:
    """The weights of `embed` for a field of so many known values, as its option `table` stores them."""
    n = options["n"]
    start = Initial("normal", options["std"], options["mean"])
    match options.get("table", FULL):
        case "hashed":
            rows = hashed_rows(values, options["hash_rows"])
            return (Weight("hashed", (rows + 1, n), start, digit=(1, rows)),)
        case "quotient":
            # One of them starts at 1: so the product starts, and learns at first, as the rows of the other alone.
            (m, q), own = quotient(values), (n,)
            return (
                Weight("quotient", (q + 1, *own), Initial("constant", 1.0), digit=(m, q)),
                Weight("remainder", (m + 1, *own), start, digit=(1, m)),
            )
        case "tensor_train":
            return cores(values, n, options["rank"], options["std"])
        case "codes":
            k = options["codewords"]
            return (
                Weight("queries", (values + 1, n), SPREAD, number_bytes=0, row_bytes=books(n, options["codebooks"])),
                Weight("keys", (k, n), SPREAD, number_bytes=0, unknown=False),
                Weight("codewords", (k, n), start, unknown=False),
            )
        case "int8":
            return (Weight("int8", (values + 1, n), start, number_bytes=1, row_bytes=4),)
        case _:
            return (Weight("table", (values + 1, n), start),)


SPREAD = Initial("normal", 1.0)


def hashed_rows(values: int, share: float) -> int:
    """Rows of a hashed table without the unknown's: the share of the known values, rounded up; 1 at least."""
    return max(1, math.ceil(share * values - 1e-9))


def quotient(values: int) -> tuple[int, int]:
    """The rows of the tables of remainders and of quotients: √V rounded up, and as many as are needed beside."""
    m = max(1, math.isqrt(max(values, 1) - 1) + 1)
    return m, max(1, -(-values // m))


def cores(values: int, n: int, rank: int, std: float) -> tuple[Weight, ...]:
    """Three cores [rows, …] of ∛V rows, rounded up, the first of as few as will do. A product of three normal numbers, summed
    over two ranks, has the standard deviation std (TT-Rec, section 4)."""
    b = 1
    while b**3 < values:
        b += 1
    first = max(1, -(-values // (b * b)))
    n1, n2, n3 = factors(n)
    start = Initial("normal", (std / rank) ** (1 / 3))
    return (
        Weight("core_1", (first + 1, n1 * rank), start, digit=(b * b, first)),
        Weight("core_2", (b + 1, rank * n2 * rank), start, digit=(b, b)),
        Weight("core_3", (b + 1, rank * n3), start, digit=(1, b)),
    )


def factors(n: int) -> tuple[int, int, int]:
    """Three factors of a width with the least sum, the least in the middle, where the rank counts twice."""
    found = [
        (a, b, n // (a * b)) for a in range(1, n + 1) if n % a == 0 for b in range(a, n // a + 1) if n // a % b == 0
    ]
    a, b, c = min((f for f in found if f[2] >= f[1]), key=sum)
    return b, a, c


def books(n: int, most: int) -> int:
    """How many codebooks divide a width: the most, of so many at most, that do so evenly."""
    return max(m for m in range(1, min(n, most) + 1) if n % m == 0)


def flops(options: Mapping[str, Any]) -> int:
    """Multiplications and additions that make the vector of a value of what is stored."""
    n = options["n"]
    match options.get("table", FULL):
        case "tensor_train":
            (n1, n2, n3), r = factors(n), options["rank"]
            return int(2 * n1 * n2 * r * (r + n3))
        case "quotient" | "int8":
            return int(n)
        case _:
            return 0

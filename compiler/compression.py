"""Tables of embeddings that take less than a row of numbers for each value: which parts they have, and how many rows.

    full           a row of numbers for each value
    hashed         fewer rows, each shared by several values (Weinberger et al., ICML 2009): v modulo the rows
    quotient       two tables of about √V rows, multiplied number by number (Shi et al., KDD 2020, section 3.2)
    tensor_train   three cores of about ∛V slices (Yin et al., TT-Rec, MLSys 2021, equation 3)
    codes          codebooks, and for each value which vector of each (Chen et al., DPQ-SX, ICML 2020, section 2.2)
    int8           a row of bytes for each value, times a scale of its own (Guan et al., 2019)

Ids are ordered by how often training had them, so the values that share a row modulo R are a frequent one and rare ones.
V known values, n width. Row 0 of every part belongs to the unknown value, and to it alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .promise import Initial, Weight

FULL = "full"
OPTIONS: Mapping[str, tuple[str, ...]] = {FULL: (), "hashed": ("hash_rows",)}
"""The kinds, each with those options of `embed` that say how large its tables are."""
KINDS = tuple(OPTIONS)


def parts(values: int, options: Mapping[str, Any]) -> tuple[Weight, ...]:
    """The weights of `embed` for a field of so many known values, as its option `table` stores them."""
    n = options["n"]
    start = Initial("normal", options["std"], options["mean"])
    match options["table"]:
        case "hashed":
            rows = hashed_rows(values, options["hash_rows"])
            return (Weight("hashed", (rows + 1, n), start, digit=(1, rows)),)
        case _:
            return (Weight("table", (values + 1, n), start),)


def hashed_rows(values: int, share: float) -> int:
    """Rows of a hashed table without the unknown's: the share of the known values, rounded up; 1 at least."""
    return max(1, math.ceil(share * values - 1e-9))

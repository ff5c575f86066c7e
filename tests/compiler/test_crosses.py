"""Sets of crosses and searched granularities: plain models against the oracle; their supernets have no form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from generate import program_of, schema_of

from recspace.compiler.compile import models
from recspace.compiler.schema import Column, Field
from recspace.dsl import SpaceError
from recspace.runtime.registry import promises

from .agreement import Pair, plain_agrees, shipped

SCHEMA = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("price", "number"),
    Field("age", "number", 5, bins=5),
)
PAIR = Pair(shipped("interaction/autocross.space"), SCHEMA, {"n": 3})
FIRST = Column("cross", ("user", "item"), (0, 0))
MEMBERS = 11
"""Sets of 2 to 4 of four fields: user*item, user*price, user*age, item*price, …, user*item*price*age."""


@pytest.mark.parametrize("seed", range(6))
def test_autocross(seed: int):
    rng = np.random.default_rng(seed)
    size = seed % 4
    crosses = tuple(sorted(rng.choice(MEMBERS, size, replace=False).tolist()))
    plain = plain_agrees(PAIR, seed, {"bins": tuple(rng.integers(3, size=2).tolist()), "crosses": (crosses,)}, FIRST)
    assert sum(c.what == "cross" for c in plain.columns) == size


def test_numbers_are_crossed_in_the_granularity_that_was_chosen():
    """Also where the data cuts them already: `bins = decision` goes before a number's own bins."""
    plain = plain_agrees(PAIR, 1, {"bins": (0, 2), "crosses": ((1, 2),)})
    assert {c.key for c in plain.columns if c.what == "cross"} == {"user*price/10>=1", "user*age/1000>=1"}


OWN = """space Own
choose crosses from subset(subsets(fields, 2), 1..2)
predict sigmoid(sum(weight(cross(c)) for c in crosses))
minimize logloss
"""


def test_without_bins_a_number_has_its_own_or_ten():
    plain = plain_agrees(Pair(program_of(OWN), SCHEMA, {}), 1, {"crosses": ((1, 2),)})
    assert {c.key for c in plain.columns if c.what == "cross"} == {"user*price/10>=1", "user*age>=1"}


HASHED = """space Hashed
param rows = 7
choose crosses from subset(subsets(categorical, 2), 0..1)
choose size from {2, 4}
predict sigmoid(bias() + sum(sum(embed(cross(c, hashed = rows), 3)) + weight(cross(c, hashed = rows)) for c in crosses)
                       + weight(bucket(price, size)))
minimize logloss
"""


@pytest.mark.parametrize("size", [0, 1])
def test_hashed_crosses(size: int):
    plain = plain_agrees(Pair(program_of(HASHED), SCHEMA, {}), size, {"crosses": ((0,),), "size": (size,)})
    (table,) = [t for t in plain.tensors if t.shape[-1] == 3]
    assert table.shape == (8, 3)
    assert {c.key for c in plain.columns if c.what == "cross"} == {"user*item>=1%7"}
    plain_agrees(
        Pair(program_of(HASHED), SCHEMA, {}), size, {"crosses": ((),), "size": (size,)}, replace(FIRST, rows=7)
    )


def test_a_space_without_a_supernet_says_so_when_it_is_asked_for():
    made = models(PAIR.program, SCHEMA, promises(), overrides=PAIR.overrides)
    assert made.plain({"bins": (0, 0), "crosses": ((),)}).decisions == ()
    with pytest.raises(SpaceError) as refused:
        _ = made.supernet
    assert {d.code for d in refused.value.diagnostics} == {"S0630"}

"""Columns of any name can be quoted, wherever a field may stand."""

from __future__ import annotations

import pytest
from generate import program_of, schema_of

from recspace.compiler.schema import Field

from .agreement import Pair, derived_agrees, relaxed_agrees
from .checking import said

SCHEMA = schema_of(
    Field("user", "category", 4, "user"), Field("zip code", "category", 3), Field("let", "category", 3), Field("price", "number")
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        'weight("zip code")',
        'weight("let") * cardinality("let")',
        'linear(embed("zip code", 2), 1)',
        'weight(cross("zip code", "let"))',
        'number("price")',
        'sum(weight(f) for f in {"let", user})',
        'sum(weight(f) for f in fields - {"let"})',
        'weight(user) if "let" in fields else bias()',
    ],
)
def test_a_column_in_quotes_is_a_field(value):
    pair = Pair(program_of(f"space S\npredict sigmoid({value})\nminimize logloss\n"), SCHEMA, {})
    relaxed_agrees(pair, 1)
    derived_agrees(pair, 1)


@pytest.mark.parametrize("value", ['weight("zip cod")', 'weight(cross("zip cod", "let"))'])
def test_a_column_that_is_not_there(value):
    (fault,) = said(f"space S\npredict sigmoid({value})\nminimize logloss\n", SCHEMA)
    assert (fault.code, fault.message) == ("S0104", 'no column is called "zip cod"')
    assert fault.help == 'did you mean "zip code"?'

"""The letters of a formula are what the legend says."""

from __future__ import annotations

import pytest
from generate import schema_of

from recspace.compiler.schema import Field

from .checking import END, checked

FOUR = schema_of(*(Field(name, "category", 4) for name in "abcd"))


@pytest.mark.parametrize(
    ("statements", "formula"),
    [
        ("choose k[f in fields] from {off, on}", "2^F = 2^4"),
        ("choose k[f in fields - {b}] from {off, on}", "2^3"),
        ("let x = sum((choose k from {off, on}) * weight(f) for f in fields if f != b)", "2^3"),
        ("let x[f in fields] = (choose k from {off, on}) * weight(f) if f in fields - {b} else 0", "2^3"),
    ],
)
def test_f_is_the_number_of_fields(statements, formula):
    size = checked(f"space T\n{statements}\n{END}", FOUR).size
    assert size.formula == formula
    assert size.legend == ((("F", "count(fields) = 4"),) if "F" in formula else ())

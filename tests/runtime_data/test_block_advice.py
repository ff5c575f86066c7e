"""Help about a data block that works when it is pasted."""

from __future__ import annotations

import polars as pl
import pytest

from recspace.dsl import Diagnostic, Source, SpaceError, apply_edits, parse
from recspace.runtime.data.bind import bind_table
from recspace.runtime.data.blocks import read_block
from recspace.runtime.data.spec import DataSpec


def test_a_label_of_text_is_mended_in_the_block() -> None:
    for values, written in (
        (["yes", "no"], 'answer == "yes"'),
        (["n", "y"], 'answer == "y"'),
        (["a", "b", "c"], "classes(answer)"),
    ):
        text = "data t { label: answer f: category() }"
        table = pl.DataFrame({"answer": values * 20, "f": [1, 2] * (10 * len(values))})
        found = faults_of(text, table)
        assert (found.code, found.span.text) == ("S0530", "answer")
        assert apply_edits(text, found.edits) == f"data t {{ label: {written} f: category() }}"
        bind_table(block(apply_edits(text, found.edits)), table, seed=0)


def test_odd_cells_of_a_label_are_shown_with_their_rows() -> None:
    table = pl.DataFrame({"label": [*["0", "1"] * 20, "maybe"], "f": range(41)})
    found = faults_of("data t { label: label2 f: category() }".replace("label2", '"label"'), table)
    assert (found.code, found.message) == ("S0530", 'the label `label` is all numbers but for "maybe" in row 41')
    assert "cells" in found.help


def test_a_label_that_is_a_feature_as_well() -> None:
    text = 'data t {\n  label: brand == "b"\n  brand: category()\n  f: category()\n}\n'
    table = pl.DataFrame({"brand": ["a", "b"] * 20, "f": [1, 2] * 20})
    (found,) = of_the_block(bind_table(block(text), table, seed=0).warnings)
    assert (found.code, found.severity, found.span.text) == ("S0561", "warning", "brand")
    mended = apply_edits(text, found.edits)
    assert mended == 'data t {\n  label: brand == "b"\n  f: category()\n}\n'
    assert not of_the_block(bind_table(block(mended), table, seed=0).warnings)


def test_a_source_without_quotes_is_quoted() -> None:
    text = "data t { source: my/shop.csv f: category() }"
    with pytest.raises(SpaceError) as caught:
        block(text)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("S0512", "my/shop.csv")
    assert block(apply_edits(text, found.edits)).source == "my/shop.csv"


def block(text: str) -> DataSpec:
    file, found = parse(Source("t.space", text))
    assert file is not None, found
    return read_block(file.datas[0])


def faults_of(text: str, table: pl.DataFrame) -> Diagnostic:
    with pytest.raises(SpaceError) as caught:
        bind_table(block(text), table, seed=0)
    (found,) = caught.value.diagnostics
    return found


def test_a_role_that_nobody_asks_for() -> None:
    table = pl.DataFrame({"y": [0, 1] * 20, "a": [1, 2] * 20})
    text = "data t { label: y a: category(role = usr) }"
    (found,) = block(text).warnings
    assert (found.code, found.severity, found.span.text) == ("S0568", "warning", "usr")
    assert block(apply_edits(text, found.edits)).warnings == ()
    assert [w.code for w in bind_table(block(text), table, seed=0).spec.warnings] == ["S0568"]
    assert "user, item, context, history" in block(text.replace("usr", "nodes")).warnings[0].help


def of_the_block(warnings: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    """The warnings that are of the block itself, not of how few rows a part of the split has."""
    return [w for w in warnings if w.code != "S0567"]

"""A run whose space or table was changed is not gone on with, and what changed can be read."""

import numpy as np
import polars as pl
import pytest

import recspace
from recspace.dsl import SpaceError, render

pytestmark = pytest.mark.usefixtures("one_thread")

SPACE = """space Changed
param width = 4
let e[f in fields] = embed(f, width)
predict sigmoid(bias() + sum(linear[f](e[f], 1) for f in fields))
minimize logloss
search { train(epochs = 1) }
"""
BLOCK = """data t {
  source: "t.parquet"
  label: label
  a: category()
  b: category()
  split: random(0.6, 0.2, 0.2, seed = 1)
}
"""


def rows(count):
    rng = np.random.default_rng(0)
    return {n: [f"{n}{v}" for v in rng.integers(0, 4, count)] for n in "ab"} | {"label": rng.integers(0, 2, count)}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A folder with a run that was cut off before its report."""
    folder = tmp_path_factory.mktemp("changes")
    (folder / "s.space").write_text(SPACE)
    (folder / "t.space").write_text(BLOCK)
    pl.DataFrame(rows(200)).write_parquet(folder / "t.parquet")
    recspace.search(recspace.compile(folder / "s.space", folder / "t.space"), folder / "run")
    (folder / "run" / "report.json").unlink()
    return folder


def other_cells(folder):
    table = rows(200)
    table["b"][7] = "b9"
    pl.DataFrame(table).write_parquet(folder / "t.parquet")


CHANGES = {
    "a param": (lambda f: (f / "s.space").write_text(SPACE.replace("width = 4", "width = 8")),
                ["space changed", "-param width = 4", "+param width = 8"]),
    "a text that is wrong now": (lambda f: (f / "s.space").write_text(SPACE.replace("bias()", "bais()")),
                                 ["space changed", "-predict sigmoid(bias()", "+predict sigmoid(bais()"]),
    "rows": (lambda f: pl.DataFrame(rows(210)).write_parquet(f / "t.parquet"), ["data changed", "rows: 200 → 210", "hash: "]),
    "cells": (other_cells, ["data changed", "columns with other cells: b", "hash: "]),
    "meaning": (lambda f: (f / "t.space").write_text(BLOCK.replace("b: category()", "b: category(min_count = 2)")),
                ["data changed", "meaning"]),
    "split": (lambda f: (f / "t.space").write_text(BLOCK.replace("seed = 1", "seed = 2")), ["data changed", "split otherwise"]),
    "a column": (lambda f: (f / "t.space").write_text(BLOCK.replace("  b: category()\n", "")), ["data changed", "columns that are gone: b"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_can_be_read(started, name):
    kept = {file: (started / file).read_bytes() for file in ("s.space", "t.space", "t.parquet")}
    change, said = CHANGES[name]
    change(started)
    try:
        with pytest.raises(SpaceError) as caught:
            recspace.Run(started / "run").resume()
    finally:
        for file, content in kept.items():
            (started / file).write_bytes(content)
    (found,) = caught.value.diagnostics
    assert found.code == "S0704"
    shown = render([found])
    assert [text for text in said if text not in shown] == [], shown


def test_as_it_was_it_goes_on(started):
    assert recspace.Run(started / "run").resume().report["searched"]

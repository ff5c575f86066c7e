"""What --data means; the shipped blocks are bound."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recspace.compiler.example import EXAMPLE
from recspace.dsl.ast import Program
from recspace.dsl.diagnostics import SpaceError
from recspace.dsl.loader import library_path, load
from recspace.runtime.data.bind import bind
from recspace.runtime.data.locate import locate, shipped
from recspace.runtime.data.spec import Category, ColumnSplit, Target

LIBRARY = library_path()
BLOCK = 'data {name} {{ source: "sub/t.csv"\n label: label\n u: category() }}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    rows = "".join(f"{k % 3},{k % 2}\n" for k in range(60))
    (tmp_path / "sub" / "t.csv").write_text("u,label\n" + rows)
    (tmp_path / "one.space").write_text(BLOCK.format(name="one"))
    (tmp_path / "two.space").write_text(BLOCK.format(name="first") + BLOCK.format(name="second"))
    (tmp_path / "none.space").write_text("space S\npredict sigmoid(bias())\nminimize logloss\n")
    return tmp_path


def program(path: Path) -> Program:
    found, _ = load(path, LIBRARY)
    assert found is not None
    return found


def code(text: str | None, within: Program | None = None, **options: str) -> str:
    with pytest.raises(SpaceError) as caught:  # noqa: PT012
        spec = locate(text, within, LIBRARY, **options)
        assert spec is not None
        bind(spec, seed=1)
    return caught.value.diagnostics[0].code


def test_blocks_of_files(folder: Path) -> None:
    for text in (f"{folder}/one.space", f"{folder}/two.space:second"):
        spec = locate(text, None, LIBRARY)
        assert spec is not None
        assert bind(spec, seed=1).schema.rows == 60
    assert code(f"{folder}/two.space") == "S0543"
    assert code(f"{folder}/two.space:third") == "S0540"
    assert code(f"{folder}/none.space") == "S0543"
    assert code(f"{folder}/no.space") == "S0001"
    assert code(f"{folder}/one.space", label="u") == "S0544"


def test_the_own_block_of_a_space(folder: Path) -> None:
    own = locate(None, program(folder / "one.space"), LIBRARY)
    assert own is not None
    assert own.name == "one"
    named = locate("second", program(folder / "two.space"), LIBRARY)
    assert named is not None
    assert named.name == "second"
    assert locate(None, program(folder / "none.space"), LIBRARY) is None
    assert locate(None, None, LIBRARY) is None


def test_tables(folder: Path) -> None:
    spec = locate(f"{folder}/sub/t.csv", None, LIBRARY, label="u")
    assert spec is not None
    assert spec.inferred
    assert spec.target == Target("u")
    assert code(f"{folder}/sub/u.csv") == "S0501"
    assert code(str(folder)) == "S0502"
    assert code(f"{folder}/sub/t.csv", source="x.csv") == "S0544"


def test_another_source(folder: Path) -> None:
    spec = locate(f"{folder}/one.space", None, LIBRARY, source=f"{folder}/more.csv")
    assert spec is not None
    (folder / "more.csv").write_text((folder / "sub" / "t.csv").read_text() + "1,1\n")
    assert bind(spec, seed=1).schema.rows == 61


def test_names_that_are_nearly_right() -> None:
    with pytest.raises(SpaceError) as caught:
        locate("movielnes", None, LIBRARY)
    assert "did you mean `movielens`" in caught.value.diagnostics[0].help


def test_movielens_is_shipped() -> None:
    spec = locate("movielens", None, LIBRARY)
    assert spec is not None
    bound = bind(spec, seed=1)
    assert bound.schema.rows == 100_836
    assert bound.labels is not None
    assert bound.labels.sum() == 48_580
    roles = {f.name: f.role for f in bound.schema.fields}
    assert roles == {"user_id": "user", "movie_id": "item", "genres": ""}
    assert bound.schema.field("genres").cardinality == 19


def test_an_installed_package_says_where_the_table_is(tmp_path: Path) -> None:
    (tmp_path / "lib" / "data").mkdir(parents=True)
    for name in shipped(LIBRARY):
        (tmp_path / "lib" / "data" / f"{name}.space").write_text((LIBRARY / "data" / f"{name}.space").read_text())
    spec = locate("movielens", None, tmp_path / "lib")
    assert spec is not None
    with pytest.raises(SpaceError) as caught:
        bind(spec, seed=1)
    assert caught.value.diagnostics[0].code == "S0541"


def test_frappe_reads_the_ten_published_fields(tmp_path: Path) -> None:
    assert code("frappe") == "S0542"
    names = ["user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city"]
    parts = ["train"] * 8 + ["valid", "test"]
    table = pl.DataFrame({n: [k % 3 for k in range(10)] for n in names} | {"label": [0, 1] * 5, "split": parts})
    table.with_columns(cnt=pl.col("label")).write_parquet(tmp_path / "f.parquet")
    spec = locate("frappe", None, LIBRARY, source=str(tmp_path / "f.parquet"))
    assert spec is not None
    assert [f.name for f in spec.features] == names
    assert spec.target == Target("label")
    assert spec.split == ColumnSplit("split")
    assert all(isinstance(f.meaning, Category) for f in spec.features)
    assert "cnt" not in spec.columns()
    assert bind(spec, seed=1).schema.rows == 10


def test_the_example_answers_every_question() -> None:
    statistics = EXAMPLE.statistics
    for field in EXAMPLE.fields:
        counts = statistics.counts(field.name)
        assert counts.shape == (field.cardinality,)
        assert counts.sum() == EXAMPLE.rows
        assert (counts[:-1] >= counts[1:]).all()
        assert counts[-1] >= 1
    sizes = [statistics.cross_cardinality(("user", "item"), m, (0, 0)) for m in (1, 5, 20, 10**6)]
    assert sizes == sorted(sizes, reverse=True)
    assert 1 <= sizes[-1] < sizes[0] <= EXAMPLE.rows
    assert statistics.cross_cardinality(("weekday", "device"), 1, (0, 0)) == 35
    assert statistics.cross_cardinality(("age", "price"), 1, (3, 4)) == 12
    assert {f.role for f in EXAMPLE.fields} == {"", "user", "item", "context", "history"}
    assert {f.kind for f in EXAMPLE.fields} >= {"category", "number", "many", "sequence"}

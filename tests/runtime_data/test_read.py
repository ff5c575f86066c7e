"""Tables are told by what they hold; no cell is lost without a word."""

from __future__ import annotations

import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.data.read import column_names, read


def refused(path: Path, *columns: str) -> SpaceError:
    with pytest.raises(SpaceError) as caught:
        read(path, columns or None)
    return caught.value


def written(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_parquet_is_known_by_content(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    pl.DataFrame({"a": [1, 2], "b": [[1], [2, 3]]}).write_parquet(path)
    assert read(path, ["b"]).to_dict(as_series=False) == {"b": [[1], [2, 3]]}
    assert column_names(path) == ["a", "b"]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_text_with_any_separator(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path, "﻿a,b,c\n1,x y,2.5\n-2,,1e3\n".replace(",", separator), "table.parquet")
    assert read(path).to_dict(as_series=False) == {"a": [1, -2], "b": ["x y", None], "c": [2.5, 1000.0]}


def test_text_that_would_lose_something_as_a_number_stays_text(tmp_path: Path) -> None:
    path = written(tmp_path, "zip,big,word,word2\n00501,99999999999999999999,NA,1\n501,1,FR,NA\n")
    table = read(path)
    assert table["zip"].to_list() == ["00501", "501"]
    assert table["big"].to_list() == ["99999999999999999999", "1"]
    assert table["word"].to_list() == ["NA", "FR"]
    assert table["word2"].to_list() == [1, None]


def test_quoted_cells_hold_separators_and_newlines(tmp_path: Path) -> None:
    assert read(written(tmp_path, 'a,b\n"x,1",2\n"y\nz",3\n'))["a"].to_list() == ["x,1", "y\nz"]


def test_uneven_rows_are_named(tmp_path: Path) -> None:
    error = refused(written(tmp_path, "a,b\n1,2\n3\n4,5\n6,7,8\n"))
    assert error.diagnostics[0].code == "S0504"
    assert "rows 2 and 4" in error.diagnostics[0].message


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "S0506"),
        (b" \n", "S0506"),
        (b"a,b\n", "S0506"),
        (b"a,a\n1,2\n", "S0505"),
        (b"1,2\n3,4\n", "S0502"),
        (b"a,\n1,2\n", "S0502"),
        (b"\x1f\x8b123", "S0502"),
        (b"a\0b", "S0502"),
        (b"a,b\xff\n1,2\n", "S0502"),
        (b"PAR1 and then nothing", "S0503"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert [d.code for d in refused(written(tmp_path, content)).diagnostics] == [code]


def test_cut_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(path).diagnostics[0].code == "S0503"


def test_missing_files_and_columns_name_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item\n1,2\n")
    assert "did you mean `table.csv`" in refused(tmp_path / "tabel.csv").diagnostics[0].help
    assert "did you mean `user`" in refused(path, "usr").diagnostics[0].help
    assert refused(tmp_path).diagnostics[0].code == "S0502"


WORD = st.text(string.ascii_letters + " äß,;\"'-", max_size=6).filter(lambda w: w.strip() == w)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), WORD), min_size=1, max_size=20))
@settings(max_examples=60)
def test_text_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    path = tmp_path_factory.mktemp("text") / "t.csv"
    pl.DataFrame({"n": [r[0] for r in rows], "w": ["w" + r[1] for r in rows]}).write_csv(path)
    table = read(path)
    assert table["n"].to_list() == [r[0] for r in rows]
    assert table["w"].to_list() == ["w" + r[1] for r in rows]


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_bytes_give_a_table_or_a_diagnostic(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("bytes"), content)
    try:
        assert read(path).height > 0
    except SpaceError as error:
        assert error.diagnostics  # noqa: PT017

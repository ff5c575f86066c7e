"""Tables from disk: Parquet, Arrow files and separated text, told apart by what they hold, not by their names.

Nothing becomes a missing value silently: an empty cell of text is missing; a word such as NA is missing in a column
whose other cells are all numbers; any other cell keeps its text, and is reported with its row where a number is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

from recspace.dsl.suggest import nearest

from .faults import fault, file_span, meant, row_list

SEPARATORS = ",\t;|"
MISSING_WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?")
INTEGER = r"^[+-]?\d+$"
LEADING_ZERO = r"^[+-]?0\d"
REAL = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
FOREIGN = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"BZh": "a bzip2 archive",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
}


def read(path: str | Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The table at `path`; with `columns`, those alone and in that order (the others are not even decoded).

    Raises SpaceError: S0501 no such file, S0502 no table, S0503 a damaged one, S0504 rows of text with too many or too
    few cells, S0505 two columns of one name, S0506 no rows, S0507 a column that is not there.
    """
    file = Path(path)
    names = column_names(file)
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise fault(
            "S0505",
            f"two columns of the table are called `{twice[0]}`",
            file_span(str(path)),
            help="rename one of them",
        )
    wanted = list(names if columns is None else columns)
    for name in wanted:
        if name not in names:
            raise fault("S0507", f"the table has no column `{name}`", file_span(str(path)), help=meant(name, names))
    table = _load(file, wanted, names)
    if table.height == 0:
        raise fault("S0506", "the table has no rows", file_span(str(path)))
    return table


def column_names(path: str | Path) -> list[str]:
    """The columns that a table has, without reading its rows."""
    file = Path(path)
    kind = _kind(file)
    try:
        match kind:
            case "parquet":
                import pyarrow.parquet as pq

                return list(pq.read_schema(file).names)
            case "arrow":
                return list(pl.read_ipc_schema(file))
            case _:
                return _header(file)[1]
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(file, error) from error


def _kind(file: Path) -> str:
    span = file_span(str(file))
    if not file.exists():
        others = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
        near = nearest(file.name, others)
        raise fault("S0501", f"there is no file `{file}`", span, help=f"did you mean `{near}`?" if near else "")
    if file.is_dir():
        raise fault("S0502", f"{file} is a folder, not a table", span, help="name one Parquet or CSV file")
    if file.suffix == ".space":
        help_text = f"check it with  recspace check {file}  and look at the table that its `source` names"
        raise fault("S0502", f"{file} is a space or a data block, not a table", span, help=help_text)
    try:
        with file.open("rb") as stream:
            head = stream.read(65536)
    except OSError as error:
        raise fault("S0501", f"{file} cannot be read: {error.strerror}", span) from error
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "arrow"
    if not head.strip():
        raise fault("S0506", "the file is empty", span)
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise fault("S0502", f"{file} is {what}, not a table", span, help="give a Parquet or CSV file")
    if b"\0" in head:
        raise fault("S0502", f"{file} is neither Parquet nor text", span, help="give a Parquet or CSV file")
    return "text"


def _header(file: Path) -> tuple[str, list[str]]:
    """Separator and column names of separated text."""
    span = file_span(str(file))
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline(1 << 20).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise fault("S0502", "the text is not UTF-8", span, help="save the table as UTF-8 or as Parquet") from error
    bare = "".join(line.split('"')[::2])
    separator = max(SEPARATORS, key=bare.count)
    import csv

    names = next(csv.reader([line], delimiter=separator), [])
    if any(not n.strip() for n in names):
        raise fault("S0502", "a column of the first line has no name", span, help="the first line names the columns")
    numbers = [n for n in names if _is_number(n)]
    if numbers:
        raise fault(
            "S0502",
            f"the first line does not name the columns: {numbers[0]} is a number",
            span,
            help="put a line with the names of the columns first",
        )
    return separator, names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _load(file: Path, wanted: list[str], names: list[str]) -> pl.DataFrame:
    try:
        match _kind(file):
            case "parquet":
                return pl.read_parquet(file, columns=wanted).select(wanted)
            case "arrow":
                return pl.read_ipc(file, columns=wanted).select(wanted)
            case _:
                return _read_text(file, wanted, names)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> Exception:
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    return fault("S0503", f"the table is damaged or cut short: {reason}", file_span(str(file)))


def _read_text(file: Path, wanted: list[str], names: list[str]) -> pl.DataFrame:
    separator, _ = _header(file)
    try:
        table = _parse(file, separator, wanted, names, None)
    except pa.ArrowInvalid as error:
        raise _uneven(file, separator, wanted, names) or _damaged(file, error) from error
    return pl.DataFrame([typed(_series(name, table.column(name))) for name in wanted])


def _series(name: str, column: Any) -> pl.Series:
    return pl.Series(name, column)


def _parse(file: Path, separator: str, wanted: list[str], names: list[str], handler: Any) -> Any:
    return pacsv.read_csv(
        file,
        read_options=pacsv.ReadOptions(use_threads=handler is None, column_names=names, skip_rows=1),
        parse_options=pacsv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1, invalid_row_handler=handler
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            include_columns=wanted,
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _uneven(file: Path, separator: str, wanted: list[str], names: list[str]) -> Exception | None:
    """Reads once more, now slowly, to say which rows have too many or too few cells."""
    rows: list[int] = []
    cells: list[int] = []

    def note(row: Any) -> str:
        rows.append(int(row.number) - 1)
        cells.append(int(row.actual_columns))
        return "skip"

    _parse(file, separator, wanted, names, note)
    if not rows:
        return None
    return fault(
        "S0504",
        f"{row_list(rows, len(rows))} of the table: {cells[0]} cells where the first line names {len(names)} columns",
        file_span(str(file)),
        help="correct the rows; a cell that holds the separator is put in quotation marks",
    )


def typed(text: pl.Series) -> pl.Series:
    """A column of text as whole numbers, numbers or truth values where every cell is one, else as it is.

    Numbers with leading zeros (postcodes) and those beyond 64 bits stay text: as numbers some would fall together.
    """
    known = text.drop_nulls()
    if known.len() == 0:
        return text
    plain = known.filter(~known.is_in(MISSING_WORDS))
    if plain.len() and plain.str.contains(REAL).all() and not plain.str.contains(LEADING_ZERO).any():
        whole = bool(plain.str.contains(INTEGER).all())
        cells = text.set(text.is_in(MISSING_WORDS).fill_null(False), None) if plain.len() < known.len() else text
        number = cells.str.strip_prefix("+").cast(pl.Int64 if whole else pl.Float64, strict=False)
        if number.null_count() == cells.null_count():
            return number
        return text
    words = known.str.to_lowercase().unique()
    if words.len() <= 2 and words.is_in(["true", "false"]).all():
        return text.str.to_lowercase() == "true"
    return text

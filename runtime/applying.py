"""A finished run applied to other tables: their rows as the model reads them, and predictions as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.schema import Column

from .data.encoded import Encoded, encode_table
from .data.encoding import Encoding
from .data.faults import fault, file_span, meant
from .data.read import column_names, read
from .data.spec import RandomSplit
from .data.store import load
from .files import inside, unwritable
from .refuse import refusal, words
from .report import COLUMNS, ENCODING


def encoding_of(run: Path) -> tuple[Encoding, tuple[Column, ...]]:
    """The encoding that a finished run keeps, and the columns its model reads. Raises SpaceError S0570, S0703."""
    folder = inside(run, ENCODING)
    if not folder.is_dir():
        place = words(str(run), "")
        raise refusal("S0703", f"there is no finished run in {run}", place, help="give the folder of one")
    encoding = load(folder)
    try:
        columns = _columns(json.loads(inside(folder, COLUMNS).read_bytes()), encoding)
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"the encoding is missing or damaged: {COLUMNS}: {type(error).__name__}: {error}"
        raise fault("S0570", text, file_span(str(folder))) from error
    return encoding, columns


def _columns(entries: Any, encoding: Encoding) -> tuple[Column, ...]:
    """What `write_encoding` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    known = {field.name for field in encoding.fields}
    if not isinstance(entries, list) or any(name not in known for entry in entries for name in entry["fields"]):
        raise ValueError("it does not fit the fields")
    kinds = get_args(get_type_hints(Column)["what"])
    if any(entry["what"] not in kinds for entry in entries):
        raise ValueError("it has columns of no kind")
    return tuple(
        Column(e["what"], tuple(e["fields"]), tuple(e["bins"]), int(e["min_count"]), int(e["rows"])) for e in entries
    )


def encoded(run: Path, table: Path) -> Encoded:
    """All rows of a table as the model of a finished run reads them; labels are not needed, nor other columns.

    Raises SpaceError: S0507 for a column that is not there, those of `read` and `encoding_of`.
    """
    encoding, columns = encoding_of(run)
    wanted = {name for column in columns for name in column.fields}
    features = tuple(feature for feature in encoding.spec.features if feature.name in wanted)
    names = column_names(table)
    gone = [feature.column for feature in features if feature.column not in names]
    if gone:
        raise fault("S0507", f"the table has no column `{gone[0]}`", file_span(str(table)), help=meant(gone[0], names))
    spec = replace(encoding.spec, features=features, target=None, weight="", split=RandomSplit())
    own = replace(encoding, spec=spec, labelling=None)
    read_alone = [c for c in columns if c.what not in ("label", "weight")]
    return encode_table(own, read(table, spec.columns()), read_alone)


def batch(run: Path, table: Path) -> dict[str, Tensor]:
    """The same as one batch."""
    found = encoded(run, table)
    return found.batch(torch.arange(found.count))


def as_table(prediction: NDArray[np.float64], classes: Sequence[str]) -> pl.DataFrame:
    """Predictions [N] as a column `prediction`; of classes [N, C] a column for each class."""
    if prediction.ndim == 1:
        return pl.DataFrame({"prediction": prediction})
    names = [f"prediction:{name}" for name in classes] or [f"prediction:{k}" for k in range(prediction.shape[1])]
    return pl.DataFrame({name: prediction[:, k] for k, name in enumerate(names)})


def classes_of(encoding: Encoding) -> list[str]:
    """Names of the classes of a label, in the order of their numbers."""
    labelling = encoding.labelling
    known = labelling is not None and labelling.kind == "classes" and labelling.values is not None
    return (
        [str(v) for v in labelling.values] if known and labelling is not None and labelling.values is not None else []
    )


def write_table(table: pl.DataFrame, path: Path) -> None:
    """As Parquet or CSV, by the ending. Raises SpaceError (S0706) where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_csv(path) if path.suffix == ".csv" else table.write_parquet(path)
    except OSError as error:
        raise unwritable(path, error) from error

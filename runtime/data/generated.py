"""What all generated tables share: plans that no table can have are refused, what is known lies beside the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from .faults import fault


def refuse(faults: Iterable[tuple[bool, str]]) -> None:
    """Raises SpaceError S0580 with the first fault that is one."""
    for wrong, text in faults:
        if wrong:
            raise fault("S0580", text)


def write_with(frame: pl.DataFrame, known: Mapping[str, Any], table: Path, beside: Path | None = None) -> None:
    """Writes the table as Parquet and what is known of it as JSON, where nothing else is said beside it
    (`x.parquet` and `x.truth.json`)."""
    table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(table, compression="zstd")
    path = beside or table.with_suffix(".truth.json")
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")

"""Look-ups in tables that take less than a row of numbers for each value (`compression.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir import Operator
from .emitter import Emitter


def looked_up(emitter: Emitter, node: Operator, reads: Sequence[str], several: bool) -> str:
    """The text of the vectors. `reads`: for each part the rows of it, as text; of padding −1."""
    tables = [emitter.layers.tables[laid.table].attribute for laid in node.options["·laid"]]
    name = "embed_sequence" if several else "embed"
    emitter.use("embed", name)
    return " * ".join(f"{name}({read}, self.{table})" for read, table in zip(reads, tables, strict=True))

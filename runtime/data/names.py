"""How columns and texts are written in a data block."""

from __future__ import annotations

import re

from recspace.dsl.tokens import RESERVED


def column_text(name: str) -> str:
    """A column as it is named in an expression."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name not in RESERVED else quoted(name)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

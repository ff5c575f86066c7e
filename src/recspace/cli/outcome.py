"""What a run ends with: what was chosen, and the hand-made model against the searched one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recspace import chosen
from recspace.compared import Row, remarks, rows

from .output import aligned


def text(report: Mapping[str, Any], architecture: Mapping[str, Any]) -> str:
    """What was chosen, the table, and what is to be known of both."""
    compared = report.get("hand_made") is not None
    head: Row = ("", "hand-made", "searched", "difference", "") if compared else ("", "", "model", "", "")
    table = [tuple(c for k, c in enumerate(row) if compared or k in (0, 2)) for row in (head, *rows(report))]
    lines = aligned(table, right=True)
    lines.insert(1, "─" * max(map(len, lines)))
    return "\n".join([*chosen.lines(architecture), "", *lines, "", *remarks(report)])

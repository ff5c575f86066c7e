"""The table a run ends with: the hand-made model against the searched one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .output import aligned

NAMES = {"auc": "AUC", "gauc": "AUC within users", "logloss": "logloss", "rmse": "RMSE", "accuracy": "accuracy"}
SIZES = {"parameters": "parameters", "embedding_bytes": "embedding bytes", "seconds": "seconds"}

Row = tuple[str, str, str, str]


def rows(report: Mapping[str, Any]) -> list[Row]:
    """Name, hand-made, searched, difference; the second is "" where there was nothing to choose."""
    before, after = report.get("hand_made") or {}, report["searched"]
    there = {*before.get("test", {}), *after.get("test", {})}
    figures = [name for name in NAMES if name in there] + sorted(there - NAMES.keys())
    found = [_row(NAMES.get(f) or str(f), before.get("test", {}).get(f), after.get("test", {}).get(f)) for f in figures]
    return found + [_row(text, before.get(name), after.get(name)) for name, text in SIZES.items()]


def _row(name: str, before: Any, after: Any) -> Row:
    both = isinstance(before, int | float) and isinstance(after, int | float)
    return name, _shown(before), _shown(after), _difference(before, after) if both else ""


def _shown(value: Any) -> str:
    match value:
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
        case _:
            return ""


def _difference(before: float, after: float) -> str:
    change = after - before
    if isinstance(before, int) and isinstance(after, int):
        share = f" ({change / before:+.1%})" if before else ""
        return f"{change:+,}{share}"
    return f"{change:+.4f}" if abs(change) < 10 else f"{change:+,.1f}"


def text(report: Mapping[str, Any]) -> str:
    """The table as plain text, with what it was judged on and the gap from search to retrained model."""
    chosen = report.get("hand_made") is not None
    head: Row = ("", "hand-made", "searched", "difference") if chosen else ("", "", "model", "")
    table = [tuple(c for k, c in enumerate(row) if chosen or k in (0, 2)) for row in (head, *rows(report))]
    lines = aligned(table, right=True)
    lines.insert(1, "─" * max(map(len, lines)))
    return "\n".join([*lines, "", *_remarks(report)])


def _remarks(report: Mapping[str, Any]) -> list[str]:
    judged = report["judged_on"]
    part = report["rows"].get(judged, 0)
    found = [f"judged on {part:,} {'test' if judged == 'test' else 'validation'} rows"]
    ranked = report.get("ranked")
    if ranked:
        some = "" if ranked["asked"] == ranked["of"] else f" of {ranked['of']:,}, drawn by the seed"
        found[0] += (
            f": {ranked['asked']:,} users and contexts{some}, over {ranked['items']:,} items less those that they had"
        )
    gap, metric = report.get("gap"), report["metric"]["name"]
    if gap is not None:
        better = (gap > 0) == bool(report["metric"]["higher_is_better"])
        gain = " (a gain)" if better and gap else ""
        found.append(f"from the searched supernet to the retrained model: {NAMES.get(metric, metric)} {gap:+.4f}{gain}")
    if not report["searched"].get("trained", True):
        found.append("the searched model has the supernet's weights: nothing in the recipe retrained it")
    return found

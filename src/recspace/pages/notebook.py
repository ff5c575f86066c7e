"""What a notebook shows of spaces and runs: tables, and pictures as images, so that no name is markup of the notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from recspace import chosen, compared

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

SHOWN = 24
"""Decisions that are listed."""


def space_html(graph: Graph, data: str, formula: str) -> str:
    """A space on data: its decisions, its size, and its graph."""
    from recspace.compiler.drawing.svg import to_image
    from recspace.compiler.printing import domain_text

    rows = [
        (d.name, ", ".join(d.axes), " or ".join(map(domain_text, d.domains)), f"{d.elements:,}")
        for d in graph.decisions[:SHOWN]
    ]
    more = len(graph.decisions) - SHOWN
    return _joined(
        f"<b>{_text(graph.name)}</b> on {_text(data)}: {_text(formula)} architectures",
        _table(("decision", "over", "domain", "elements"), rows),
        f"and {more} more decisions" if more > 0 else "",
        f"<details><summary>graph</summary>{to_image(graph)}</details>",
    )


def run_html(folder: str, report: Mapping[str, Any], architecture: Mapping[str, Any]) -> str:
    """What was chosen in a run that is done, and the hand-made model against the searched one."""
    head = ("", "hand-made", "searched", "difference", "") if report.get("hand_made") else ("", "", "model", "", "")
    return _joined(
        f"<b>{_text(report['space'])}</b> in {_text(folder)}",
        "<br>".join(map(_text, chosen.lines(architecture))),
        _table(head, compared.rows(report)),
        "<br>".join(map(_text, compared.remarks(report))),
    )


def unfinished_html(folder: str, events: Iterable[Mapping[str, Any]]) -> str:
    """How far a run is."""
    stages = [str(event["stage"]) for event in events if event["event"] == "stage"]
    return _joined(f"<b>{_text(folder)}</b> is not done", _text(f"at {stages[-1]}" if stages else "not begun"))


def _joined(*parts: str) -> str:
    return (
        "<div>"
        + "".join(f"<p>{part}</p>" if not part.startswith("<table") else part for part in parts if part)
        + "</div>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="text-align:left">{_text(cell)}</{tag}>' for cell in cells) + "</tr>"

    return f"<table><thead>{line(head, 'th')}</thead><tbody>{''.join(line(row, 'td') for row in rows)}</tbody></table>"


def _text(text: str) -> str:
    return escape(text, quote=True)

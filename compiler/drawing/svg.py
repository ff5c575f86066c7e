"""A graph as one SVG file: no script, no link, no font or picture from elsewhere; what comes from a space is text."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape
from itertools import pairwise
from unicodedata import east_asian_width

from .boxes import Box, arrows, boxes
from .colours import FILL, STROKE
from .drawable import Drawable
from .layout import Placed, Size, layout

LONGEST = 56
"""Characters of a line in a box; the whole text is in its tooltip."""
LETTER, SMALL = 7.3, 6.3
"""Widths of a letter in pixels, in the fonts below."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
STYLE = """text{font-family:ui-monospace,Menlo,Consolas,monospace;fill:#1c1c1c;text-anchor:middle}
.t{font-size:12px;font-weight:600}.d{font-size:10.5px;fill:#4a4a4a}.a{fill:none;stroke:#8a8a8a;stroke-width:1.2}
.r{stroke:#c46a00;stroke-dasharray:4 3}.l{font-size:10px;fill:#9a5200}"""


ARROW_HEAD = """<defs><marker id="m" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="#8a8a8a"/></marker></defs>"""


def to_svg(graph: Drawable) -> str:
    """A picture of the graph, top to bottom, decisions coloured."""
    every, lines = boxes(graph), {box.key: _lines(box) for box in boxes(graph)}
    sizes = {box.key: _size(lines[box.key]) for box in every}
    roles: dict[tuple[int, int], set[str]] = {}
    for arrow in arrows(graph):
        roles.setdefault((arrow.source, arrow.target), set()).add(arrow.role)
    placed = layout(sizes, list(roles))
    width, height = (f"{value:.0f}" for value in (placed.width, placed.height))
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{_text(graph.name)}</title>",
        f"<style>{STYLE}</style>",
        ARROW_HEAD,
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    drawn = [_arrow(edge, words, placed, sizes) for edge, words in roles.items()]
    return "\n".join([*head, *drawn, *(_box(b, lines[b.key], placed, sizes[b.key]) for b in every), "</svg>"]) + "\n"


def to_image(graph: Drawable) -> str:
    """The picture as an <img> that holds its own data."""
    data = b64encode(to_svg(graph).encode()).decode("ascii")
    return f'<img alt="{_text(graph.name)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


def _lines(box: Box) -> list[str]:
    return [_cut(text) for text in (box.title, box.detail, box.note) if text]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _size(lines: list[str]) -> Size:
    widest = max(_letters(text) * (LETTER if k == 0 else SMALL) for k, text in enumerate(lines))
    return Size(widest + 22, 16.0 * len(lines) + 12)


def _letters(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _box(box: Box, lines: list[str], placed: Placed, size: Size) -> str:
    x, y = placed.centres[box.key]
    left, top = x - size.width / 2, y - size.height / 2
    texts = "".join(
        f'<text class="{"d" if k else "t"}" x="{x:.1f}" y="{top + 18 + 16 * k:.1f}">{_text(text)}</text>'
        for k, text in enumerate(lines)
    )
    whole = _text("\n".join(text for text in (box.title, box.detail, box.note) if text))
    place = f'x="{left:.1f}" y="{top:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="6"'
    colours = f'fill="{FILL[box.kind]}" stroke="{STROKE[box.kind]}"'
    return f"<g><title>{whole}</title><rect {place} {colours}/>{texts}</g>"


def _arrow(edge: tuple[int, int], roles: set[str], placed: Placed, sizes: dict[int, Size]) -> str:
    """A smooth line through the points of an arrow; dashed and named where it is no ordinary input."""
    (x0, y0), *middle, (x1, y1) = placed.paths[edge]
    points = [(x0, y0 + sizes[edge[0]].height / 2), *middle, (x1, y1 - sizes[edge[1]].height / 2 - 1)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        half = (ay + by) / 2
        path += f"C{ax:.1f} {half:.1f} {bx:.1f} {half:.1f} {bx:.1f} {by:.1f}"
    named = sorted(role for role in roles if role)
    dashed = " r" if named and "" not in roles else ""
    label = ""
    if named:
        x, y = points[-1][0], points[-1][1] - 10
        label = f'<text class="l" x="{x:.1f}" y="{y:.1f}">{_text(", ".join(named))}</text>'
    return f'<path class="a{dashed}" d="{path}" marker-end="url(#m)"/>{label}'


def _text(text: str) -> str:
    """Text of XML: nothing in it is markup, and what XML cannot hold is shown as a box."""
    return escape(CONTROL.sub("\ufffd", text), quote=True)

"""A graph in the language of Mermaid, for documents that draw it. Every name is a quoted text of escaped letters there."""

from __future__ import annotations

import re

from .boxes import Box, arrows, boxes
from .colours import FILL, STROKE
from .drawable import Drawable

PLAIN = re.compile(r"[^\w .,:×·|…^+\-−=()\[\]{}]")
"""Letters that are written as their numbers: quotes, brackets of markup, and whatever else could mean something."""
SHAPES = {"decision": ("{{", "}}"), "input": ("([", "])"), "output": ("([", "])")}


def to_mermaid(graph: Drawable) -> str:
    """A flowchart with a box for each family, decisions coloured."""
    every = boxes(graph)
    lines = ["flowchart TD", *(f"  {_box(box)}" for box in every)]
    for arrow in arrows(graph):
        line = f'-. "{_text(arrow.role)}" .->' if arrow.role else "-->"
        lines.append(f"  n{arrow.source} {line} n{arrow.target}")
    for kind in dict.fromkeys(box.kind for box in every):
        lines.append(f"  classDef {kind}_ fill:{FILL[kind]},stroke:{STROKE[kind]},color:#1c1c1c")
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    left, right = SHAPES.get(box.kind, ("[", "]"))
    said = "<br>".join(_text(text) for text in (box.title, box.detail, box.note) if text)
    return f'n{box.key}{left}"{said}"{right}:::{box.kind}_'


def _text(text: str) -> str:
    return PLAIN.sub(lambda letter: f"#{ord(letter[0])};", text)

"""A graph in the language of graphviz. Every name is a quoted string there, never markup."""

from __future__ import annotations

import re

from .boxes import Box, arrows, boxes
from .colours import FILL, STROKE
from .drawable import Drawable

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def to_dot(graph: Drawable) -> str:
    """A digraph with a box for each family, decisions coloured."""
    lines = [f"digraph {_quoted(graph.name)} {{", '  node [shape=box, style="rounded,filled", fontname="sans-serif"]']
    lines += [f"  n{box.key} [{_attributes(box)}]" for box in boxes(graph)]
    for arrow in arrows(graph):
        role = f" [label={_quoted(arrow.role)}, style=dashed]" if arrow.role else ""
        lines.append(f"  n{arrow.source} -> n{arrow.target}{role}")
    return "\n".join([*lines, "}"]) + "\n"


def _attributes(box: Box) -> str:
    label = "\\n".join(_escaped(text) for text in (box.title, box.detail, box.note) if text)
    return f'label="{label}", fillcolor="{FILL[box.kind]}", color="{STROKE[box.kind]}"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Between double quotes only `"` and the backslash mean something; control characters are shown as a box."""
    return CONTROL.sub("\ufffd", text).replace("\\", "\\\\").replace('"', '\\"')

"""Graphs as files: JSON for programs, DOT and Mermaid for other drawers, SVG and PNG for people."""

from __future__ import annotations

from .data import to_json
from .dot import to_dot
from .mermaid import to_mermaid
from .png import to_png
from .svg import to_svg

__all__ = ["to_dot", "to_json", "to_mermaid", "to_png", "to_svg"]

"""Graphs as files: JSON for programs, DOT for graphviz, SVG for people."""

from __future__ import annotations

from .data import to_json
from .dot import to_dot
from .svg import to_svg

__all__ = ["to_dot", "to_json", "to_svg"]

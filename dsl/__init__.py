"""Text: parsing, diagnostics, formatting, imports."""

from __future__ import annotations

from . import ast
from .diagnostics import Diagnostic, Edit, Note, SpaceError
from .parser import parse
from .source import Source, Span

__all__ = ["Diagnostic", "Edit", "Note", "Source", "SpaceError", "Span", "ast", "parse"]

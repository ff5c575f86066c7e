"""Text: parsing, diagnostics, formatting, imports."""

from __future__ import annotations

from . import ast
from .codes import explain
from .diagnostics import Diagnostic, Edit, Note, SpaceError
from .edits import apply_edits
from .loader import library_path, load
from .parser import parse
from .render import as_data, render
from .source import Source, Span

__all__ = [
    "Diagnostic",
    "Edit",
    "Note",
    "Source",
    "SpaceError",
    "Span",
    "apply_edits",
    "as_data",
    "ast",
    "explain",
    "library_path",
    "load",
    "parse",
    "render",
]

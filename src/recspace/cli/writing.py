"""Pages and pictures that a command writes where it was told to."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def page_path(text: str) -> Path:
    """The type of an argument that names a page."""
    path = Path(text)
    if path.suffix != ".html":
        raise argparse.ArgumentTypeError(f"{text!r} should end in .html")
    return path


def write_page(path: Path, content: str | bytes) -> None:
    """Leaves with 2, and the reason, where the file cannot be written."""
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    except OSError as error:
        print(f"{path} cannot be written: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None

"""A graph as pixels, twice as many as its SVG has: for documents that take no SVG. Needs the extra `png`."""

from __future__ import annotations

from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Source, Span

from .drawable import Drawable
from .svg import to_svg

ZOOM = 2.0
MONOSPACE = "DejaVu Sans Mono"


def to_png(graph: Drawable) -> bytes:
    """The bytes of a PNG file. Raises SpaceError (S0721) where the extra is not installed."""
    try:
        import resvg_py
    except ImportError as why:
        text = "a PNG is drawn by resvg, which is not installed"
        place = Span(Source("-o", ".png"), 0, 4)
        raise SpaceError(
            [Diagnostic("S0721", text, place, help="pip install 'recspace[png]'; .svg needs nothing")]
        ) from why
    return bytes(resvg_py.svg_to_bytes(svg_string=to_svg(graph), zoom=ZOOM, monospace_family=MONOSPACE))

"""Pages to look at in a browser: a space's graph, a run. One file each, which loads nothing from elsewhere.

What stands in a page comes packed as data and is put there as text alone; the scripts and the style are the files under
`assets/`, admitted by their hashes and nothing besides. No torch.
"""

from __future__ import annotations

from .comparisons import compare_page
from .graphs import graph_page
from .runs import run_page, write_report
from .server import Watch

__all__ = ["Watch", "compare_page", "graph_page", "run_page", "write_report"]

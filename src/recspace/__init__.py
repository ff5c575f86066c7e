"""Search spaces of recommender models: from a `.space` file to a supernet, a search and a derived PyTorch model.

    space = recspace.compile("autofis", "clicks.parquet", set={"width": 16})
    print(space.size.value, space.decisions)
    run = recspace.search(space, "runs/clicks", seed=1)
    print(run.report["searched"]["test"])

The commands do the same; see `recspace --help`. What is wrong with a space or with data is a `SpaceError`, whose
`diagnostics` `recspace.dsl.render` prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .api import Run, compile, load, search  # noqa: A004 – the word for it
    from .dsl import SpaceError
    from .running import Space

__all__ = ["Run", "Space", "SpaceError", "__version__", "compile", "load", "search"]

_HOMES = {"SpaceError": "dsl", "Space": "running"}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are asked for: `import recspace` alone costs nothing."""
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'api')}"), name)

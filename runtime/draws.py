"""Architectures at random: they hold what is fixed, and meet the requirements between decisions."""

from __future__ import annotations

import random
from contextlib import suppress

from recspace.compiler.architectures import satisfies
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Unreadable

from .choices import Fixed, drawn
from .randomness import Name, digest

TRIES = 1_000
"""Independent draws before a requirement that cannot be read counts as unmet."""


class Draws:
    """Even draws; each is a function of (seed, names).

    Where a requirement cannot be read, options are drawn apart until it is met.
    """

    def __init__(self, graph: Graph, fixed: Fixed) -> None:
        self._graph, self._fixed = graph, fixed
        self._sampler: Sampler | None = None
        with suppress(Unreadable):
            self._sampler = Sampler(graph, fixed.options)

    def at(self, seed: int, *names: Name) -> Architecture:
        """The draw of (seed, names). Raises ValueError where nothing that meets the requirements was found."""
        if self._sampler is not None:
            return self._sampler.draw(random.Random(digest(seed, *names)))
        for attempt in range(TRIES):
            architecture = self._fixed.architecture(drawn(self._graph.decisions, seed, *names, attempt))
            if satisfies(self._graph, architecture):
                return architecture
        raise ValueError(f"{TRIES:,} draws, and none meets the requirements")

"""Architectures at random: they hold what is fixed, and meet the requirements between decisions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress

from recspace.compiler.architectures import satisfies
from recspace.compiler.budgets import Purse
from recspace.compiler.decisions import Architecture, Options
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

    def __init__(self, graph: Graph, fixed: Fixed, purse: Purse | None = None) -> None:
        """`purse`: the requirements on costs that draws meet besides."""
        self._graph, self._fixed = graph, fixed
        self._purse = purse if purse is not None and purse.bounds else None
        self._sampler: Sampler | None = None
        with suppress(Unreadable):
            self._sampler = Sampler(graph, fixed.options)

    def at(self, seed: int, *names: Name) -> Architecture:
        """The draw of (seed, names). Raises ValueError where nothing that meets the requirements was found."""
        for attempt in range(TRIES):
            # The first draw is called as it is where nothing is refused.
            again = names if self._sampler is not None and not attempt else (*names, attempt)
            architecture: Mapping[str, Options]
            if self._sampler is not None:
                architecture = self._sampler.draw(random.Random(digest(seed, *again)))
            else:
                architecture = self._fixed.architecture(drawn(self._graph.decisions, seed, *again))
            allowed = self._sampler is not None or satisfies(self._graph, architecture)
            if allowed and (self._purse is None or self._purse.met(architecture)):
                return architecture
        raise ValueError(f"{TRIES:,} draws, and none meets the requirements")

"""Architectures at random: they hold what is fixed, and meet the requirements between decisions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property

from recspace.compiler.architectures import canonical, exists, fingerprint, satisfies
from recspace.compiler.budgets import Purse
from recspace.compiler.counting.polynomial import TooHard
from recspace.compiler.decisions import Architecture, Options
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Unreadable
from recspace.compiler.spending import cheapest

from .choices import Fixed, Option, drawn, put
from .randomness import Name, digest

TRIES = 1_000
"""Independent draws before a requirement that cannot be read counts as unmet."""
DEAR = 16
"""Draws in a row that cost too much, after which one is brought nearer to the cheapest architecture."""


class Draws:
    """Even draws; each is a function of (seed, names).

    Where a requirement cannot be read, options are drawn apart until it is met. Where a bound on costs leaves few of the
    draws, they are brought nearer to the cheapest architecture, by no more elements than it takes.
    """

    def __init__(self, graph: Graph, fixed: Fixed, purse: Purse | None = None) -> None:
        """`purse`: the requirements on costs that draws meet besides."""
        self.graph, self.fixed = graph, fixed
        self._purse = purse if purse is not None and purse.bounds else None
        self._sampler: Sampler | None = None
        with suppress(Unreadable):
            self._sampler = Sampler(graph, fixed.options)

    def at(self, seed: int, *names: Name) -> Architecture:
        """The draw of (seed, names). Raises ValueError where nothing that meets the requirements was found."""
        dear = 0
        for attempt in range(TRIES):
            # The first draw is called as it is where nothing is refused.
            again = names if self._sampler is not None and not attempt else (*names, attempt)
            architecture: Mapping[str, Options]
            if self._sampler is not None:
                architecture = self._sampler.draw(random.Random(digest(seed, *again)))
            else:
                architecture = self.fixed.architecture(drawn(self.graph.decisions, seed, *again))
            if self._sampler is None and not satisfies(self.graph, architecture):
                continue
            if self._affords(architecture):
                return architecture
            dear += 1
            if dear >= DEAR and self._cheapest is not None:
                return self.between(
                    canonical(self.graph, architecture), self._cheapest, random.Random(digest(seed, *again))
                )
        raise ValueError(f"{TRIES:,} draws, and none meets the requirements")

    def toward(self, wish: Architecture, rng: random.Random) -> Architecture:
        """What is wished, repaired where it does not meet the requirements (`Sampler.toward`). Raises ValueError as `at`.

        What costs too much comes nearer to a draw that does not; where a requirement cannot be read, a draw stands in for a
        wish that does not meet it.
        """
        near = self._sampler.toward(wish, rng) if self._sampler is not None else self.fixed.architecture(wish)
        if self._meets(near):
            return near
        base = self.at(rng.getrandbits(62), "repaired")
        return self.between(near, base, rng) if self._purse is not None else base

    @cached_property
    def _cheapest(self) -> Architecture | None:
        """None where it breaks a requirement, or is too dear itself."""
        assert self._purse is not None
        start = self.fixed.architecture({d.name: d.hand_made for d in self.graph.decisions})
        places = frozenset((name, e) for name, own in self.fixed.options.items() for e in own)
        found = canonical(self.graph, cheapest(self._purse, start, self.graph.decisions, places))
        return found if self._meets(found) else None

    def between(self, wish: Architecture, base: Architecture, rng: random.Random) -> Architecture:
        """The wish with as few elements as `base` has them, in an order that is drawn, as make it affordable; itself if it
        is. `base` meets all requirements."""
        if self._meets(wish):
            return wish
        differing = [(n, e) for n, own in wish.items() for e, o in enumerate(own) if o != base[n][e]]
        rng.shuffle(differing)
        low, high, best = 0, len(differing), base
        while high - low > 1:
            middle = (low + high) // 2
            taken: dict[str, dict[int, Option]] = {}
            for name, element in differing[:middle]:
                taken.setdefault(name, {})[element] = base[name][element]
            found = canonical(self.graph, {n: put(own, taken.get(n, {})) for n, own in wish.items()})
            if self._meets(found):
                high, best = middle, found
            else:
                low = middle
        return best

    def _meets(self, architecture: Architecture) -> bool:
        return satisfies(self.graph, architecture) and self._affords(architecture)

    def _affords(self, architecture: Architecture) -> bool:
        return self._purse is None or self._purse.met(architecture)

    def key(self, architecture: Architecture) -> str:
        """A name of what an architecture decides: what does not exist in it makes no difference."""
        return fingerprint(self.graph, architecture)

    def exists(self, architecture: Architecture) -> dict[str, tuple[bool, ...]]:
        """Which elements exist."""
        return {name: tuple(alive) for name, alive in exists(self.graph, architecture).items()}

    def at_most(self, trials: int) -> int:
        """As many, or as there are architectures, where they can be counted and no real makes them endless."""
        endless = any(domain.kind == "real" for d in self.graph.decisions for domain in d.domains)
        if self._sampler is None or endless:
            return trials
        try:
            return min(trials, self._sampler.total() or trials)
        except TooHard:
            return trials

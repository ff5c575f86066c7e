"""An architecture that was wished for, brought to the nearest one that meets the requirements between decisions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress

from recspace.compiler.architectures import canonical, satisfies
from recspace.compiler.counting.polynomial import TooHard
from recspace.compiler.decisions import Architecture, Decision, Options
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Unreadable, Wish, nearest

from .choices import Fixed, Option, count, domain_at, put

Element = tuple[str, int]
"""A decision and one of its elements."""


class Repair:
    """What is fixed holds, and the result is in canonical form: equal architectures are equal."""

    def __init__(self, graph: Graph, fixed: Fixed) -> None:
        self._graph, self._fixed = graph, fixed
        self._sampler: Sampler | None = None
        with suppress(Unreadable):
            self._sampler = Sampler(graph, fixed.options)

    def __call__(
        self, wanted: Architecture, base: Architecture, rng: random.Random, sure: frozenset[Element] = frozenset()
    ) -> Architecture:
        """The wanted architecture, or one near it. `sure` elements give way last, among equals chance decides.

        `base` meets the requirements: where these cannot be read, what differs from it is taken back, element by element,
        until they are met.
        """
        wanted = self._fixed.architecture(wanted)
        if satisfies(self._graph, wanted):
            return canonical(self._graph, wanted)
        if self._sampler is not None:
            wishes = {d.name: self._wishes(d, wanted[d.name], rng, sure) for d in self._graph.decisions}
            with suppress(Unreadable, TooHard):
                return canonical(self._graph, nearest(self._sampler, wishes))
        return canonical(self._graph, self._taken_back(wanted, base, rng, sure))

    def _wishes(
        self, decision: Decision, wanted: Options, rng: random.Random, sure: frozenset[Element]
    ) -> tuple[Wish, ...]:
        return tuple(
            _wish(decision, e, option, rng.random() + ((decision.name, e) in sure), rng)
            for e, option in enumerate(wanted)
        )

    def _taken_back(
        self, wanted: Architecture, base: Architecture, rng: random.Random, sure: frozenset[Element]
    ) -> Architecture:
        differing = [(n, e) for n, own in wanted.items() for e, o in enumerate(own) if o != base[n][e]]
        rng.shuffle(differing)
        found: dict[str, Options] = dict(wanted)
        for name, element in sorted(differing, key=lambda at: at in sure):  # stable: chance among equals
            found[name] = put(found[name], {element: base[name][element]})
            if satisfies(self._graph, found):
                break
        return found


def _wish(decision: Decision, element: int, option: Option, margin: float, rng: random.Random) -> Wish:
    if isinstance(option, float):
        return Wish((option,), 0.0)
    others = list(range(count(decision, domain_at(decision, element))))
    rng.shuffle(others)
    if isinstance(option, tuple):
        return Wish((option,), margin, tuple(dict.fromkeys((*option, *others))))
    return Wish(tuple(dict.fromkeys((option, *others))), margin)


def replaced(architecture: Architecture, options: Mapping[Element, Option]) -> Architecture:
    """The architecture with other options for some elements."""
    by_name: dict[str, dict[int, Option]] = {}
    for (name, element), option in options.items():
        by_name.setdefault(name, {})[element] = option
    return {name: put(own, by_name.get(name, {})) for name, own in architecture.items()}

"""How a chosen set grows: what may join it (AutoCross, Luo et al., KDD 2019, section 4.1), and a proposer that tries it all.

A member of a domain such as `subsets(fields, 2..4)` is known by its label, `f1*f3`; its parts are the fields in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from recspace.compiler.architectures import satisfies
from recspace.compiler.counting.problem import requirements
from recspace.compiler.decisions import Architecture, Decision
from recspace.compiler.ir import Graph
from recspace.compiler.sampler import Sampler, Unreadable, Wish, nearest

from .choices import Fixed, count, domain_at
from .state import State
from .task import architecture_from, architecture_json

Members = tuple[int, ...]
"""Positions in the domain of the set, rising."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The set that grows: its decision, what may be a member (`usable`), how members join, how large it may become."""

    graph: Graph
    fixed: Fixed
    decision: Decision
    join: str
    usable: frozenset[int]

    @property
    def least(self) -> int:
        return int(self.decision.domains[0].low)

    @property
    def most(self) -> int:
        """No larger than what it is fixed to."""
        held = self.fixed.options.get(self.decision.name, {}).get(0)
        return len(held) if isinstance(held, tuple) else int(self.decision.domains[0].high)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(map(str, self.decision.domains[0].options))

    def start(self, architecture: Architecture) -> Architecture:
        """The architecture with the set as small as it may begin: empty, or the nearest to it that the requirements let
        pass. Raises ValueError where none does."""
        empty = self.fixed.architecture({**architecture, self.decision.name: ((),)})
        if satisfies(self.graph, empty):
            return empty
        return settled(self.graph, self.fixed, empty, {})

    def candidates(self, architecture: Architecture) -> tuple[int, ...]:
        """The members that may join the set of an architecture.

        pairs   the union of two that are there, members or single fields (the tree of the paper)
        any     every member of the domain
        """
        present = members_of(architecture, self.decision)
        if len(present) >= self.most:
            return ()
        wanted = self.usable - set(present)
        if self.join == "pairs":
            parts = [frozenset(label.split("*")) for label in self.labels]
            units = {frozenset([part]) for own in parts for part in own} | {parts[k] for k in present}
            made = {a | b for a, b in combinations(units, 2)}
            wanted = frozenset(k for k in wanted if parts[k] in made)
        tied = any(kind == "decisions" for _, _, kind in requirements(self.graph))
        return tuple(
            k for k in sorted(wanted) if not tied or satisfies(self.graph, self.joined(architecture, (*present, k)))
        )

    def joined(self, architecture: Architecture, members: Iterable[int]) -> Architecture:
        return {**architecture, self.decision.name: (tuple(sorted(members)),)}


def members_of(architecture: Architecture, decision: Decision) -> Members:
    chosen = architecture[decision.name][0]
    return chosen if isinstance(chosen, tuple) else ()


def settled(
    graph: Graph, fixed: Fixed, wanted: Architecture, scores: dict[tuple[str, int], list[float]]
) -> Architecture:
    """The architecture itself where it meets the requirements between decisions, else the nearest that does.

    `scores`: of (decision, element), how good each of its options is. Raises ValueError where there is none.
    """
    if satisfies(graph, wanted):
        return wanted
    wishes = {d.name: tuple(_wish(d, e, wanted, scores) for e in range(d.elements)) for d in graph.decisions}
    try:
        return nearest(Sampler(graph, fixed.options), wishes)
    except Unreadable as why:
        raise ValueError(str(why)) from why


def _wish(decision: Decision, element: int, wanted: Architecture, scores: dict[tuple[str, int], list[float]]) -> Wish:
    option = wanted[decision.name][element] if decision.name in wanted else decision.default(element)
    if isinstance(option, tuple):
        return Wish((option,), 0.0, tuple(dict.fromkeys((*option, *range(len(decision.domain(element).options))))))
    found = scores.get((decision.name, element))
    if found is None:
        return Wish((option,), 0.0)
    ranked = sorted(range(len(found)), key=lambda k: (-found[k], k))
    return Wish(tuple(ranked), found[ranked[0]] - found[ranked[-1]])


def granularities(decisions: Iterable[Decision], fixed: Fixed) -> tuple[tuple[Decision, int], ...]:
    """The elements of decisions between numbers that are still open: they are settled before a set grows."""
    numbers = (d for d in decisions if d.domains[0].kind == "number" and d.given != "example" and not d.per_value)
    return tuple((d, e) for d in numbers for e in range(d.elements) if e not in fixed.options.get(d.name, {}))


def options_of(decision: Decision, element: int) -> int:
    return count(decision, domain_at(decision, element))


class Grown:
    """Proposes the start, then every number's other options one after the other, then all that may join, set by set.

    Each number keeps the best of its options before the next one's are tried. Of all sets of a size the best `width`
    grow on; it ends where none is better than the best there was, and `least` is reached.
    """

    def __init__(
        self, growth: Growth, start: Architecture, width: int, numbers: tuple[tuple[Decision, int], ...]
    ) -> None:
        self._growth, self._width, self._numbers = growth, width, numbers
        self._queue: list[Architecture] = [start]
        self._told: list[tuple[float, Architecture]] = []
        self._best: tuple[float, Architecture] | None = None
        self._level, self.asked = 0, 0

    @property
    def trials(self) -> int:
        """At most so many: how long it goes on shows only as it goes."""
        if not self._queue:
            return self.asked
        growth = self._growth
        left = max(0, len(self._numbers) - self._level) * 8 + len(growth.usable) * growth.most * self._width
        return self.asked + len(self._queue) + left

    def ask(self) -> Architecture:
        self.asked += 1
        return self._queue[0]

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        self._told.append((score, self._queue.pop(0)))
        if self._queue:
            return
        self._told.sort(key=lambda pair: -pair[0])  # stable: of equal ones the first
        while not self._queue and self._told:
            self._advance()

    def best(self) -> Architecture | None:
        return self._best[1] if self._best is not None else None

    def _advance(self) -> None:
        """From what was told of one round, the best first, to the next one's proposals."""
        told, self._told = self._told, []
        if told[0][0] == -math.inf:
            return
        alone = self._level <= len(self._numbers)  # one architecture goes on, whatever the width
        better = self._best is None or told[0][0] > self._best[0] or not self._long_enough(self._best[1])
        if better or self._best is None:
            self._best = told[0]
        self._level += 1
        if self._level <= len(self._numbers):
            self._told = [self._best]
            self._queue += self._others(self._best[1], *self._numbers[self._level - 1])
        elif alone:
            self._queue += self._larger([self._best[1]])
        elif better:
            self._queue += self._larger([a for score, a in told[: self._width] if score > -math.inf])

    def _long_enough(self, architecture: Architecture) -> bool:
        return len(members_of(architecture, self._growth.decision)) >= self._growth.least

    def _others(self, architecture: Architecture, decision: Decision, element: int) -> Iterator[Architecture]:
        own = architecture[decision.name]
        for option in range(options_of(decision, element)):
            other = {**architecture, decision.name: (*own[:element], option, *own[element + 1 :])}
            if option != own[element] and satisfies(self._growth.graph, other):
                yield other

    def _larger(self, beam: list[Architecture]) -> Iterator[Architecture]:
        seen = set()
        for architecture in beam:
            present = members_of(architecture, self._growth.decision)
            for member in self._growth.candidates(architecture):
                made = tuple(sorted((*present, member)))
                if made not in seen:
                    seen.add(made)
                    yield self._growth.joined(architecture, made)

    def state(self) -> State:
        facts: dict[str, Any] = {"asked": self.asked, "level": self._level}
        facts["queue"] = [architecture_json(a) for a in self._queue]
        facts["told"] = [_kept(pair) for pair in self._told]
        facts["best"] = None if self._best is None else _kept(self._best)
        return State({}, facts)

    def restore(self, state: State) -> None:
        facts = state.facts
        self.asked, self._level = int(facts["asked"]), int(facts["level"])
        self._queue = [_architecture(a) for a in facts["queue"]]
        self._told = [_told(pair) for pair in facts["told"]]
        self._best = None if facts["best"] is None else _told(facts["best"])


def _kept(pair: tuple[float, Architecture]) -> list[Any]:
    return [pair[0] if math.isfinite(pair[0]) else None, architecture_json(pair[1])]


def _told(pair: list[Any]) -> tuple[float, Architecture]:
    return -math.inf if pair[0] is None else float(pair[0]), _architecture(pair[1])


def _architecture(data: Any) -> Architecture:
    found = architecture_from(data)
    assert found is not None
    return found

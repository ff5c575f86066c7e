"""Architectures: which decisions exist in one, whether it meets the requirements, drawing and enumerating them.

The elements of a decision indexed by values follow one another row by row of its node: all values of the first row,
then all of the second, …
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations, product
from math import comb, exp, log
from typing import Any

import numpy as np

from .counting.build import build
from .counting.count import Counter
from .counting.draw import Drawer, States, assignments
from .counting.polynomial import Budget
from .counting.problem import Problem, Variable, requirements, rows_of
from .decisions import Architecture, Decision, Domain
from .evaluate import Evaluator, copies_of
from .ir import Graph

STEPS = 5_000_000
Position = Any
"""The position of an option, a tuple of them for a subset, the number itself for a real."""


@dataclass(eq=False, slots=True)
class Layout:
    """Where the values of each row of a decision start among its elements."""

    starts: dict[str, list[int]]
    counts: dict[str, list[int]]

    @staticmethod
    def of(graph: Graph) -> Layout:
        holders = rows_of(graph, dict(graph.items()))
        starts, counts = {}, {}
        for decision in graph.decisions:
            rows = max((int(n.elements.array.max(initial=-1)) + 1 for _, n in holders[decision.name]), default=0)
            rows = rows if decision.per_value or decision.keys is None else len(decision.keys)
            counts[decision.name] = [copies_of(decision, e) for e in range(rows)]
            starts[decision.name] = np.concatenate([[0], np.cumsum(counts[decision.name])]).astype(int).tolist()
        return Layout(starts, counts)


def hand_made(graph: Graph) -> Architecture:
    """Every decision at its default."""
    layout = Layout.of(graph)
    return {
        d.name: tuple(d.default(e) for e, n in enumerate(layout.counts[d.name]) for _ in range(n))
        for d in graph.decisions
    }


def exists(graph: Graph, architecture: Architecture) -> dict[str, tuple[bool, ...]]:
    """Which elements of every decision exist."""
    evaluator = Evaluator(graph, architecture, strict=False)
    layout = Layout.of(graph)
    found: dict[str, tuple[bool, ...]] = {}
    for name, nodes in rows_of(graph, dict(graph.items())).items():
        alive = [False] * layout.starts[name][-1]
        for _, node in nodes:
            for row, element in enumerate(node.elements.array.tolist()):
                start, count = layout.starts[name][element], layout.counts[name][element]
                for value in range(count):
                    at = value if node.index.values else None
                    alive[start + value] = alive[start + value] or evaluator.exists(node, row, at)
        found[name] = tuple(alive) if nodes else (True,) * len(alive)
    return found


def canonical(graph: Graph, architecture: Architecture) -> Architecture:
    """The architecture with its default wherever a decision does not exist: equal for architectures that are equal."""
    alive, default = exists(graph, architecture), hand_made(graph)
    return {
        name: tuple(c if a else d for c, a, d in zip(chosen, alive[name], default[name], strict=True))
        for name, chosen in architecture.items()
    }


def fingerprint(graph: Graph, architecture: Architecture) -> str:
    """A stable name of what an architecture decides: 16 hexadecimal digits."""
    text = json.dumps(canonical(graph, architecture), sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def satisfies(graph: Graph, architecture: Architecture) -> bool:
    """Whether an architecture meets every requirement between decisions (those on costs are not looked at)."""
    evaluator = Evaluator(graph, architecture, strict=True)
    for _, node, kind in requirements(graph):
        if kind == "decisions":
            values = graph[node.value.node].index.values
            for row in node.value.rows.array.tolist():
                copies = evaluator.values_of(values[row]) if values else [None]
                if any((met := evaluator.row(node.value.node, row, v)) is not None and not met for v in copies):
                    return False
    return True


# -- drawing -----------------------------------------------------------------------------------------------------


def sample(graph: Graph, rng: random.Random) -> Architecture:
    """A uniform draw among the architectures that meet the requirements between decisions, in canonical form; reals are
    drawn evenly along their scale. ValueError where nothing meets the requirements, TooHard where counting would take
    too long. `prior`s are not looked at."""
    return Sampler(graph).draw(rng)


class Sampler:
    """Draws many architectures of one graph: what has been counted is kept."""

    def __init__(self, graph: Graph, *, steps: int = STEPS) -> None:
        self.graph = graph
        self.problem: Problem = build(graph)
        if self.problem.opaque:
            raise ValueError(f"these conditions cannot be read: {', '.join(self.problem.opaque)}")
        self.counter = Counter(self.problem, Budget(steps))
        self.part = self.counter.whole([c for c, _ in self.problem.constraints])
        self.layout, self.default = Layout.of(graph), hand_made(graph)
        self.steps = steps

    def draw(self, rng: random.Random) -> Architecture:
        """One architecture, as `sample`."""
        if self.part is None:
            raise ValueError("nothing meets the requirements")
        self.counter.budget.left = self.steps
        states = Drawer(self.counter, rng).draw(self.part)
        return _architecture(self, [(_drawn(slot, rng),) for slot in _slots(self, states)], states)


def enumerate_architectures(graph: Graph, limit: int) -> Iterator[Architecture]:
    """Every architecture that meets the requirements between decisions, once, in canonical form; the first `limit`.
    ValueError for decisions over reals."""
    if any(d.kind == "real" for decision in graph.decisions for d in decision.domains):
        raise ValueError("reals cannot be enumerated")
    sampler = Sampler(graph)
    if sampler.part is None:
        return
    left = limit
    for states in assignments(sampler.counter, sampler.part):
        slots = list(_slots(sampler, states))
        for choice in product(*map(_options, slots)):
            if left == 0:
                return
            left -= 1
            yield _architecture(sampler, [(c,) for c in choice], states)


@dataclass(frozen=True, slots=True)
class Slot:
    """An element whose option is still open: any of its domain, or so many of some members of a subset."""

    decision: str
    at: int
    domain: Domain
    members: tuple[int, ...] = ()
    count: int = -1


def _slots(sampler: Sampler, states: States) -> Iterator[Slot]:
    """What the states of the variables leave open, in the order of decisions."""
    decisions = {d.name: d for d in sampler.graph.decisions}
    for name, elements in sampler.problem.free.items():
        for element in elements.tolist():
            yield from _whole(sampler, decisions[name], element)
    for var, own in states.items():
        variable = sampler.problem.variables[var]
        for name, element in variable.bundle:
            count = sampler.layout.counts[name][element]
            for value in range(count):
                if own[value if variable.field else 0] == 0:
                    yield from _whole(sampler, decisions[name], element, value)
        if variable.part == -1:
            yield from _members(sampler, decisions[variable.decision], variable, own)


def _whole(sampler: Sampler, decision: Decision, element: int, value: int | None = None) -> Iterator[Slot]:
    start = sampler.layout.starts[decision.name][element]
    domain = decision.domain(element)
    for k in range(sampler.layout.counts[decision.name][element]) if value is None else [value]:
        yield Slot(decision.name, start + k, domain)


def _members(sampler: Sampler, decision: Decision, variable: Variable, states: tuple[int, ...]) -> Iterator[Slot]:
    """The members of a subset that no condition reads: their number is the variable's state."""
    domain = decision.domain(variable.element)
    asked = {
        v.part for v in sampler.problem.variables if (v.decision, v.element) == (variable.decision, variable.element)
    }
    members = tuple(m for m in range(len(domain.options)) if m not in asked)
    first = int(domain.low) if asked == {-1} else 0
    start = sampler.layout.starts[decision.name][variable.element]
    for k, state in enumerate(states):
        if not (variable.conditional and state == variable.absent):
            yield Slot(decision.name, start + k, domain, members, first + state)


def _drawn(slot: Slot, rng: random.Random) -> Position:
    domain = slot.domain
    match domain.kind:
        case "real" if domain.log:
            return exp(rng.uniform(log(domain.low), log(domain.high)))
        case "real":
            return rng.uniform(domain.low, domain.high)
        case "range":
            return rng.randrange(int(domain.high) - int(domain.low) + 1)
        case "subset":
            members = slot.members or tuple(range(len(domain.options)))
            count = slot.count
            if count < 0:
                sizes = range(int(domain.low), int(domain.high) + 1)
                at = rng.randrange(sum(comb(len(members), k) for k in sizes))
                count = next(k for k in sizes if (at := at - comb(len(members), k)) < 0)
            return tuple(sorted(rng.sample(members, count)))
        case _:
            return rng.randrange(len(domain.options))


def _options(slot: Slot) -> Iterator[Position]:
    domain = slot.domain
    match domain.kind:
        case "subset":
            members = slot.members or tuple(range(len(domain.options)))
            sizes = range(int(domain.low), int(domain.high) + 1) if slot.count < 0 else [slot.count]
            return (c for k in sizes for c in combinations(members, k))
        case "range":
            return iter(range(int(domain.high) - int(domain.low) + 1))
        case _:
            return iter(range(len(domain.options)))


def _architecture(sampler: Sampler, choices: list[tuple[Position]], states: States) -> Architecture:
    """The architecture of some states, with a choice for every slot that they leave open."""
    found = {name: list(chosen) for name, chosen in sampler.default.items()}
    for slot, (choice,) in zip(_slots(sampler, states), choices, strict=True):
        found[slot.decision][slot.at] = choice
    for var, own in states.items():
        variable = sampler.problem.variables[var]
        if variable.decision and variable.part != -1:
            start = sampler.layout.starts[variable.decision][variable.element]
            for k, state in enumerate(own):
                if variable.conditional and state == variable.absent:
                    continue
                if variable.part is None:
                    found[variable.decision][start + k] = state
                    continue
                members: Any = found[variable.decision][start + k]
                taken = set(members) - {variable.part}
                found[variable.decision][start + k] = tuple(sorted(taken | ({variable.part} if state else set())))
    return {name: tuple(chosen) for name, chosen in found.items()}

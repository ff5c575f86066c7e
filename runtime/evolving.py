"""evolution: a population whose members are mutated and crossed (AutoCTR, Song et al., KDD 2020; Zheng et al.'s survey).

    first       `population` architectures at random
    survivors   of the youngest q those with the least  μ1 · age + μ2 · rank + μ3 · complexity  (equation 38); age: how many
                were judged since; rank and complexity: places among the q, the best and the cheapest having 0
    parents     the survivor that is the r-th from the worst with probability C(r + λ − 1, λ) / C(p + λ, 1 + λ) (equation 39)
    children    some are crossed with a second parent, all are mutated; of `mutants` of them the guide picks one

What a child does not have in its parent is mended so that conditions and requirements hold: nothing is drawn in vain.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from recspace.compiler.architectures import exists
from recspace.compiler.decisions import Architecture

from .choices import Option, count, domain_at
from .context import Context
from .draws import Draws
from .guides import GUIDES, Guide
from .randomness import digest
from .recipe import StageCall
from .repair import Element, Repair, replaced
from .samplers import Ranked
from .state import State
from .task import architecture_from, architecture_json

ATTEMPTS = 20
"""Children that are drawn until one has not been judged yet."""
GUIDED = 8
"""Children proposed for each that is judged, where a guide picks and nothing else is said."""
STEP = 0.1
"""Of a real that is mutated: the standard deviation, as a share of its range."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An architecture with its score (the higher the better; −inf: failed) and what it costs."""

    architecture: Architecture
    score: float
    cost: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`youngest`: q, 0 for all. `weights`: μ of age, rank and complexity. `power`: λ. `mutations`: elements that a mutation
    changes. `crossover`: share of the children that have two parents."""

    population: int
    youngest: int
    weights: tuple[float, float, float]
    power: int
    mutants: int
    mutations: int
    crossover: float


def survivors(history: Sequence[Judged], plan: Plan) -> list[Judged]:
    """Who may be a parent, the worst first (equation 38). `history`: in the order in which they were judged."""
    young = list(history)[-plan.youngest :] if plan.youngest else list(history)
    alive = [(age, one) for age, one in enumerate(reversed(young)) if one.score > -math.inf]
    by_score = _places([-one.score for _, one in alive])
    by_cost = _places([one.cost for _, one in alive])
    mu_age, mu_rank, mu_cost = plan.weights
    worth = [mu_age * age + mu_rank * by_score[k] + mu_cost * by_cost[k] for k, (age, _) in enumerate(alive)]
    kept = sorted(range(len(alive)), key=lambda k: worth[k])[: plan.population]
    return sorted((alive[k][1] for k in kept), key=lambda one: one.score)


def _places(values: Sequence[float]) -> list[int]:
    """How many are smaller than each."""
    ordered = sorted(values)
    first: dict[float, int] = {}
    for place, value in enumerate(ordered):
        first.setdefault(value, place)
    return [first[value] for value in values]


def parent(ranked: Sequence[Judged], power: int, rng: random.Random) -> Judged:
    """One of some that are in order, the worst first (equation 39)."""
    weights = [math.comb(rank + power - 1, power) for rank in range(1, len(ranked) + 1)]
    return rng.choices(ranked, weights)[0]


class Evolution(Ranked):
    """Proposal k is a function of (seed, stage, k) and of what was told before."""

    def __init__(
        self, draws: Draws, plan: Plan, guide: Guide | None, cost: Callable[[Architecture], float],
        seed: int, stage: str, trials: int,
    ) -> None:  # fmt: skip
        super().__init__(trials)
        graph, fixed = draws.graph, draws.fixed
        self._graph, self._fixed, self._plan, self._guide, self._cost = graph, fixed, plan, guide, cost
        self._seed, self._stage = seed, stage
        self._draws, self._repair = draws, Repair(graph, fixed)
        self._decisions = {d.name: d for d in graph.decisions if d.elements}
        self.history: list[Judged] = []
        self.beyond: list[tuple[Architecture, float]] = []  # what other budgets have judged, for the guide alone

    def ask(self) -> Architecture:
        number, self.asked = self.asked, self.asked + 1
        ranked = survivors(self.history, self._plan)
        if number < self._plan.population or not ranked:
            return self._draws.at(self._seed, self._stage, number, "architecture")
        rng = random.Random(digest(self._seed, self._stage, number, "child"))
        children = [self._child(ranked, rng) for _ in range(self._plan.mutants)]
        if self._guide is None or len(children) == 1:
            return children[0]
        told = [*((one.architecture, one.score) for one in self.history), *self.beyond]
        return children[self._guide(self._graph, told, children, digest(self._seed, self._stage, number, "guide"))]

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        super().tell(architecture, score, others)
        self.history.append(Judged(architecture, score, self._cost(architecture) if score > -math.inf else 0.0))

    def hear(self, architecture: Architecture, score: float, others: Sequence[float], *, allowed: bool) -> None:
        super().hear(architecture, score, others, allowed=allowed)
        if not allowed and score > -math.inf:
            self.beyond.append((architecture, score))

    def _child(self, ranked: Sequence[Judged], rng: random.Random) -> Architecture:
        """One that has not been judged yet, if such a one is found."""
        known = [one.architecture for one in self.history]
        for _ in range(ATTEMPTS):
            first = parent(ranked, self._plan.power, rng).architecture
            wanted = first
            if rng.random() < self._plan.crossover:
                wanted = self._crossed(first, parent(ranked, self._plan.power, rng).architecture, rng)
            child = self._draws.between(self._mutated(wanted, first, rng), first, rng)
            if child not in known:
                return child
        return child

    def _open(self, architecture: Architecture) -> list[Element]:
        """The elements that exist and are not settled beforehand."""
        alive = exists(self._graph, architecture)
        return [
            (name, e)
            for name, own in alive.items()
            if name in self._decisions
            for e, there in enumerate(own)
            if there and e not in self._fixed.options.get(name, {})
        ]

    def _crossed(self, first: Architecture, second: Architecture, rng: random.Random) -> Architecture:
        """Every element from either parent; what exists in the second alone is there in case it is needed."""
        mine, theirs = set(self._open(first)), self._open(second)
        taken = {at: second[at[0]][at[1]] for at in theirs if at not in mine or rng.random() < 0.5}
        return replaced(first, taken)

    def _mutated(self, wanted: Architecture, base: Architecture, rng: random.Random) -> Architecture:
        places = [at for at in self._open(wanted) if self._changes(*at)]
        chosen = rng.sample(places, min(self._plan.mutations, len(places)))
        options = {at: self._other(*at, wanted[at[0]][at[1]], rng) for at in chosen}
        return self._repair(replaced(wanted, options), base, rng, frozenset(chosen))

    def _changes(self, name: str, element: int) -> bool:
        return self._decisions[name].domain(element).kind == "real" or self._options(name, element) > 1

    def _options(self, name: str, element: int) -> int:
        decision = self._decisions[name]
        return count(decision, domain_at(decision, element))

    def _other(self, name: str, element: int, option: Option, rng: random.Random) -> Option:
        """Another option: any, of a set one member more, less or exchanged, of a real one nearby."""
        domain = self._decisions[name].domain(element)
        if domain.kind == "real":
            assert isinstance(option, float)
            return _nearby(option, domain.low, domain.high, domain.log, rng)
        n = self._options(name, element)
        if not isinstance(option, tuple):
            return rng.choice([k for k in range(n) if k != option])
        rest = [m for m in range(n) if m not in option]
        moves = ["more"] * (len(option) < domain.high and bool(rest)) + ["less"] * (len(option) > domain.low)
        moves += ["exchange"] * bool(option and rest)
        if not moves:
            return option
        move = rng.choice(moves)
        kept = list(option) if move == "more" else rng.sample(option, len(option) - 1)
        return tuple(sorted(kept if move == "less" else [*kept, rng.choice(rest)]))

    def state(self) -> State:
        facts: dict[str, Any] = dict(super().state().facts)
        facts["history"] = [
            [architecture_json(one.architecture), one.score if one.score > -math.inf else None, one.cost]
            for one in self.history
        ]
        facts["beyond"] = [[architecture_json(architecture), score] for architecture, score in self.beyond]
        return State({}, facts)

    def restore(self, state: State) -> None:
        super().restore(state)
        self.history = [
            Judged(architecture_from(own) or {}, -math.inf if score is None else float(score), float(cost))
            for own, score, cost in state.facts["history"]
        ]
        self.beyond = [(architecture_from(own) or {}, float(score)) for own, score in state.facts["beyond"]]


def _nearby(value: float, low: float, high: float, log: bool, rng: random.Random) -> float:
    if log:
        return math.exp(_nearby(math.log(value), math.log(low), math.log(high), False, rng))
    return min(high, max(low, rng.gauss(value, STEP * (high - low))))


def evolution(context: Context, call: StageCall, draws: Draws) -> Evolution:
    """The sampler that the options of the stage mean."""
    options = call.options
    guide = GUIDES[options["guide"]]
    mutants = options["mutants"] or (1 if guide is None else GUIDED)
    age, rank, complexity = options["survival"] or (0.0, 1.0, 0.0)
    plan = Plan(
        int(options["population"]), int(options["youngest"]), (age, rank, complexity), int(options["rank_power"]),
        int(mutants), int(options["mutations"]), float(options["crossover"]),
    )  # fmt: skip
    measure, purse = options["complexity"], context.purse
    cost = (lambda a: float(purse.cost(measure, a))) if purse is not None and complexity else (lambda a: 0.0)
    return Evolution(draws, plan, guide, cost, context.seed, context.stage, int(options["trials"]))

"""bayes_tree: samples the leaves of a tree of naive Bayes classifiers (`naive_bayes.py`) as a Chinese restaurant seats guests.

    seated   a leaf with n of the N best so far (those that reach the percentile of all scores) is taken with probability
             n / (N + concentration), a new table with concentration / (N + concentration)
    drawn    in a leaf every element has the option that one of its best has, or (one time in their number + 1) any; of some
             draws the first that the classifiers lead to this leaf. A new table: an architecture from the whole space

The survey says of AutoFeature that nodes are taken in proportion to what was taken from them before; counting the best alone is
ours, for nine tenths of what was explored lie, by construction, on the worse side.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from recspace.compiler.architectures import exists
from recspace.compiler.counting.problem import domain_size
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Graph

from .choices import Fixed, Option
from .context import Context
from .draws import Draws
from .naive_bayes import Leaf, Row, Tree, grown, leaf_of, leaves
from .randomness import digest
from .recipe import StageCall
from .repair import Repair, replaced
from .samplers import Ranked
from .state import State
from .task import architecture_from, architecture_json

ATTEMPTS = 20
"""Draws until one belongs to its leaf and has not been judged yet."""


def seated(counts: Sequence[int], concentration: float, rng: random.Random) -> int | None:
    """The table that a guest is shown to; None for a new one."""
    at = rng.random() * (sum(counts) + concentration)
    for table, count in enumerate(counts):
        at -= count
        if at < 0:
            return table
    return None


class BayesTree(Ranked):
    """Proposal k is a function of (seed, stage, k) and of what was told before."""

    def __init__(
        self, graph: Graph, fixed: Fixed, percentile: float, concentration: float, least: int, seed: int, stage: str,
        trials: int,
    ) -> None:  # fmt: skip
        super().__init__(trials)
        self._graph, self._fixed = graph, fixed
        self._percentile, self._concentration, self._least = percentile, concentration, least
        self._seed, self._stage = seed, stage
        self._draws, self._repair = Draws(graph, fixed), Repair(graph, fixed)
        self._decisions = tuple(d for d in graph.decisions if d.elements)
        self._sizes = tuple(domain_size(d.domain(e)) for d in self._decisions for e in range(d.elements))
        self.history: list[tuple[Architecture, float]] = []

    def ask(self) -> Architecture:
        number, self.asked = self.asked, self.asked + 1
        told = [(a, s) for a, s in self.history if s > -math.inf]
        rng = random.Random(digest(self._seed, self._stage, number, "leaf"))
        if len(told) >= self._least:
            rows, scores = [self._row(a) for a, _ in told], [s for _, s in told]
            tree = grown(rows, scores, self._sizes, self._percentile, self._least)
            best = frozenset(np.flatnonzero(np.array(scores) >= np.percentile(scores, self._percentile)).tolist())
            tables = leaves(tree)
            table = seated([len(best & set(leaf.members)) for leaf in tables], self._concentration, rng)
            if table is not None:
                own = [told[m][0] for m in tables[table].members if m in best]
                return self._from(tree, tables[table], own, number, rng)
        return self._draws.at(self._seed, self._stage, number, "architecture")

    def tell(self, architecture: Architecture, score: float, others: Sequence[float] = ()) -> None:
        super().tell(architecture, score, others)
        self.history.append((architecture, score))

    def _row(self, architecture: Architecture) -> Row:
        alive = exists(self._graph, architecture)
        return tuple(
            architecture[d.name][e] if alive[d.name][e] else None for d in self._decisions for e in range(d.elements)
        )

    def _from(
        self, tree: Tree, leaf: Leaf, best: Sequence[Architecture], number: int, rng: random.Random
    ) -> Architecture:
        known = [a for a, _ in self.history]
        found, fitting = best[0], None
        for attempt in range(ATTEMPTS):
            found = self._mixed(best, number, attempt, rng)
            if found not in known:
                fitting = fitting or found
                if leaf_of(tree, self._row(found)) is leaf:
                    return found
        return fitting or found

    def _mixed(self, best: Sequence[Architecture], number: int, attempt: int, rng: random.Random) -> Architecture:
        """Every element as in one of the best, or any."""
        anything = self._draws.at(self._seed, self._stage, number, "any", attempt)
        options: dict[tuple[str, int], Option] = {}
        for decision in self._decisions:
            for element in range(decision.elements):
                one = rng.randrange(len(best) + 1)
                options[decision.name, element] = (best[one] if one < len(best) else anything)[decision.name][element]
        return self._repair(replaced(anything, options), anything, rng)

    def state(self) -> State:
        facts: dict[str, Any] = dict(super().state().facts)
        facts["history"] = [[architecture_json(a), s if s > -math.inf else None] for a, s in self.history]
        return State({}, facts)

    def restore(self, state: State) -> None:
        super().restore(state)
        self.history = [
            (architecture_from(own) or {}, -math.inf if score is None else float(score))
            for own, score in state.facts["history"]
        ]


def bayes_tree(context: Context, call: StageCall) -> BayesTree:
    """The sampler that the options of the stage mean."""
    options = call.options
    return BayesTree(
        context.graph, context.fixed, float(options["percentile"]), float(options["concentration"]),
        int(options["least"]), context.seed, context.stage, int(options["trials"]),
    )  # fmt: skip

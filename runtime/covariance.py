"""CMA-ES with margin over ordered numbers and reals, asked and told.

Source: Hansen, "The CMA Evolution Strategy: A Tutorial" (2016); Hamano et al., "CMA-ES with Margin" (GECCO 2022), which
keeps the steps of whole numbers from vanishing. Every gene is scaled to 0..1.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
from cmaes import CMAwM

from recspace.compiler.architectures import hand_made
from recspace.compiler.decisions import Architecture
from recspace.dsl.source import Span

from .choices import searched
from .draws import Draws
from .genes import Genes, Vector
from .learned import Learned, Scores
from .randomness import digest
from .refuse import refusal

AGAIN = 200
"""Proposals in a row that were judged before, after which one is judged again: the search has converged."""
WORST = 1e30


class CmaEs(Learned):
    """What requirements forbid is repaired before it is judged, and its score told of what was proposed. Proposals that
    were judged before are told the score of then, without a trial."""

    def __init__(self, draws: Draws, seed: int, stage: str, trials: int, sigma: float, span: Span) -> None:
        super().__init__(draws, seed, stage, trials)
        self._genes, self._rest = Genes(searched(draws.graph), draws.fixed), hand_made(draws.graph)
        self._sigma, self._span = sigma, span
        self._asked: Any = None
        self._generation: list[tuple[Any, float]] = []

    @cached_property
    def _strategy(self) -> CMAwM:
        """Of the genes in a row. There are two at least: one that nothing reads is added to a single one."""
        counts = np.concatenate([f.counts for f in self._genes.families] or [np.zeros(0)])
        counts = np.append(counts, np.zeros(max(0, 2 - len(counts))))
        steps = np.where(counts > 1, 1 / np.maximum(counts - 1, 1), 0.0)
        bounds = np.tile([0.0, 1.0], (len(counts), 1))
        seed = digest(self._seed, self._stage, "cmaes") % 2**31
        return CMAwM(mean=np.full(len(counts), 0.5), sigma=self._sigma, bounds=bounds, steps=steps, seed=seed)

    def ask(self) -> Architecture:
        for attempt in count():
            evaluated, self._asked = self._strategy.ask()
            found = self.draws.toward(self._wish(evaluated), self.rng("repair", attempt))
            key = self.draws.key(found)
            if key not in self.known or attempt >= AGAIN:
                self.again += key in self.known
                self.asked += 1
                return found
            self._told(self.known[key])
        raise AssertionError

    def _wish(self, row: Any) -> Architecture:
        vector: Vector = {}
        start = 0
        for family in self._genes.families:
            own = row[start : start + len(family.counts)]
            start += len(own)
            whole = np.rint(own * np.maximum(family.counts - 1, 1)).astype(np.int64)
            vector[family.name] = np.clip(own, 0, 1) if family.real else whole
        return self._genes.wish(vector, self._rest)

    def learn(self, architecture: Architecture, scores: Scores | None) -> None:
        self._told(scores)

    def _told(self, scores: Scores | None) -> None:
        """The strategy moves when a generation is complete. It minimises."""
        score = -math.inf if scores is None else scores[0]
        self._generation.append((self._asked, min(-score, WORST)))
        if len(self._generation) == self._strategy.population_size:
            self._strategy.tell(self._generation)
            self._generation = []

    def replay(self, architecture: Architecture, scores: Scores | None) -> None:
        """Asked and told again: the strategy's state is nothing but that. Raises SpaceError (S0455) where it answers otherwise."""
        if self.ask() != architecture:
            text = f"{self._stage} no longer proposes what it proposed when this run was started"
            help = "the package cmaes or numpy has changed since: put it back as it was, or start the run anew"
            raise refusal("S0455", text, self._span, help=help)
        score, *others = scores or (-math.inf,)
        self.tell(architecture, score, others)

    def pending(self) -> None:
        self.ask()

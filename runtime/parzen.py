"""Tree-structured Parzen estimators for many genes at once.

Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), with product kernels over all genes
(Falkner et al., BOHB, ICML 2018) as Optuna's multivariate TPE has them; a gene of n options gets from a trial the weight
(1 + p) / (1 + n p) for its option and p / (1 + n p) for each other, p = 1 / kernels, and one kernel more is even.
Letters: T trials, G genes, C candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.int64]
CANDIDATES = 24
ABSENT = -1
"""A gene of a trial in which it does not exist: it says nothing of it."""


def good(trials: int) -> int:
    """How many of the trials count as good: a tenth, at most 25 (as in Optuna)."""
    return min(math.ceil(0.1 * trials), 25)


@dataclass(frozen=True, slots=True)
class Kernels:
    """A mixture of a kernel around every trial of `trials` [T, G] and of an even one. `counts` [G]: options of every gene."""

    trials: Array
    counts: Array

    @property
    def weight(self) -> float:
        """p, the weight of what a trial does not have."""
        return 1.0 / (len(self.trials) + 1)

    def draw(self, rng: Generator, count: int) -> Array:
        """Candidates [C, G]."""
        kernel_C = rng.integers(len(self.trials) + 1, size=count)
        even_CG = rng.integers(self.counts, size=(count, len(self.counts)))
        if not len(self.trials):
            return even_CG
        own_CG = self.trials[np.minimum(kernel_C, len(self.trials) - 1)]
        p = self.weight
        # Drawn evenly with this chance, what a kernel has comes up as often as its weight says.
        stray_CG = rng.random(own_CG.shape) < self.counts * p / (1 + self.counts * p)
        even_CG_taken = stray_CG | (own_CG == ABSENT) | (kernel_C == len(self.trials))[:, None]
        return np.where(even_CG_taken, even_CG, own_CG)

    def log_density(self, genes_CG: Array) -> NDArray[np.float64]:
        """How likely candidates are under the mixture [C]."""
        p, even_G = self.weight, -np.log(self.counts)
        hit_G, miss_G = np.log1p(p) - np.log1p(self.counts * p), np.log(p) - np.log1p(self.counts * p)
        found_CK = np.full((len(genes_CG), len(self.trials) + 1), even_G.sum())
        absent_TG = self.trials == ABSENT
        base_T = np.where(absent_TG, even_G, miss_G).sum(1)
        # Products of matrices, option by option: what a candidate and a trial have in common.
        for option in range(int(self.counts.max(initial=0))):
            common_CT = ((genes_CG == option) * (hit_G - miss_G)) @ (self.trials == option).T.astype(np.float64)
            base_T = base_T + common_CT
        found_CK[:, :-1] = base_T
        result: NDArray[np.float64] = np.logaddexp.reduce(found_CK, axis=1) - np.log(found_CK.shape[1])
        return result


def proposed(good_TG: Array, others_TG: Array, counts: Array, rng: Generator) -> Array:
    """The candidate [G] of those drawn around the good trials that is likeliest against all others."""
    below, above = Kernels(good_TG, counts), Kernels(others_TG, counts)
    genes_CG = below.draw(rng, CANDIDATES)
    best: Array = genes_CG[int(np.argmax(below.log_density(genes_CG) - above.log_density(genes_CG)))]
    return best

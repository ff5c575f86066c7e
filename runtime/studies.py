"""TPE and NSGA-II by Optuna, asked and told. Its study lies in memory; what happened lies in the run.

Source: Bergstra et al. (NeurIPS 2011), Ozaki et al. for several objectives (GECCO 2020); Deb et al., NSGA-II (2002).
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from recspace.compiler.architectures import hand_made
from recspace.compiler.decisions import Architecture

from .choices import searched
from .draws import Draws
from .fronts import layers
from .genes import Family, Genes, Vector
from .learned import Learned, Scores
from .parzen import ABSENT, good, proposed
from .randomness import digest

CROSSED, SWAPPED = 0.9, 0.5
"""How often a child has two parents, and how often a gene is the second one's (as in Optuna)."""


class Tpe(Learned):
    """Genes one by one by Optuna's estimator, those of large decisions by one product of kernels (`parzen.py`).

    The first `startup` trials are drawn. Optuna sees what was judged, not what was proposed: repaired, and without what
    does not exist. `objectives`: how many scores a trial has.
    """

    def __init__(self, draws: Draws, seed: int, stage: str, trials: int, startup: int, objectives: int = 1) -> None:
        super().__init__(draws, seed, stage, trials)
        self._startup, self._objectives = startup, objectives
        self._genes, self._rest = Genes(searched(draws.graph), draws.fixed), hand_made(draws.graph)
        self._vectors: list[Vector] = []

    @cached_property
    def _study(self) -> Study:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return optuna.create_study(directions=["maximize"] * self._objectives)

    @cached_property
    def _space(self) -> dict[str, BaseDistribution]:
        """Of every gene that stands apart."""
        return {
            name: _distribution(family, k)
            for family in self._genes.families
            if not family.grouped
            for k, name in enumerate(names(family))
        }

    def ask(self) -> Architecture:
        if len(self.told) < self._startup or not self._genes.families:
            return self.fresh(self.drawn)
        return self.fresh(self._proposed)

    def _proposed(self, attempt: int) -> Architecture:
        params = self._asked(attempt)
        vector: Vector = {}
        for family in self._genes.families:
            if family.grouped:
                vector[family.name] = self._of_all(family, attempt)
            else:
                vector[family.name] = np.array([params[name] for name in names(family)])
        wish = self._genes.wish(vector, self._rest)
        return self.draws.toward(wish, self.rng("repair", attempt))

    def _asked(self, attempt: int) -> dict[str, Any]:
        """What Optuna proposes: of a sampler made anew, so that nothing has to be kept but the trials."""
        if not self._space:
            return {}
        study = self._study
        seed = digest(self._seed, self._stage, self.asked, "tpe", attempt) % 2**32
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=0, multivariate=True, seed=seed)
        trial = study.ask(self._space)
        study.tell(trial, state=TrialState.FAIL)  # told below, as it was judged
        return trial.params

    def _of_all(self, family: Family, attempt: int) -> Any:
        """The genes of a large decision, from the good trials and the others."""
        genes_TG = np.stack([vector[family.name] for vector in self._vectors])
        order = self._ranked()
        best = good(len(order))
        rng = np.random.default_rng(digest(self._seed, self._stage, self.asked, family.name, attempt))
        return proposed(genes_TG[order[:best]], genes_TG[order[best:]], family.counts, rng)

    def _ranked(self) -> list[int]:
        """The trials, the best first: by layers of the Pareto front, and in a layer by the first score; failed ones last."""
        scores = [s for _, s in self.told]
        layer = layers([s for s in scores if s is not None])
        place = iter(layer)
        keys = [(next(place), -s[0]) if s is not None else (len(scores), 0.0) for s in scores]
        return sorted(range(len(keys)), key=lambda k: keys[k])

    def learn(self, architecture: Architecture, scores: Scores | None) -> None:
        vector, alive = self._genes.read(architecture), self._genes.alive(self.draws.exists(architecture))
        self._vectors.append({n: np.where(alive[n], own, ABSENT) for n, own in vector.items()})
        if self._space:
            params = {
                name: gene
                for family in self._genes.families
                if not family.grouped
                for name, gene, there in zip(
                    names(family), vector[family.name].tolist(), alive[family.name], strict=True
                )
                if there
            }
            known = {name: self._space[name] for name in params}
            # Optuna ranks a pruned trial without figures last; with several objectives it knows none.
            failed = TrialState.PRUNED if self._objectives == 1 else TrialState.FAIL
            state = failed if scores is None else TrialState.COMPLETE
            trial = create_trial(state=state, values=scores, params=params, distributions=known)
            self._study.add_trial(trial)


class Nsga2(Learned):
    """Generations and who survives by Optuna's NSGA-II; children by uniform crossover and mutation of all genes at once.

    A gene mutates with chance 1 / genes, to any of its options. The first generation is drawn.
    """

    def __init__(self, draws: Draws, seed: int, stage: str, trials: int, population: int, objectives: int = 1) -> None:
        super().__init__(draws, seed, stage, trials)
        self._population, self._objectives = population, objectives
        self._genes, self._rest = Genes(searched(draws.graph), draws.fixed), hand_made(draws.graph)
        self._parents: list[tuple[Architecture, Scores]] = []
        self._trial: optuna.Trial | None = None

    @cached_property
    def _study(self) -> Study:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.NSGAIISampler(population_size=self._population, seed=0)
        return optuna.create_study(directions=["maximize"] * self._objectives, sampler=sampler)

    def ask(self) -> Architecture:
        self._begin()
        return self.fresh(self._child if self._parents else self.drawn)

    def _begin(self) -> None:
        """The next trial of the study, and the parents of its generation."""
        sampler: Any = self._study.sampler
        self._trial = self._study.ask()
        frozen = self._study.get_trials(deepcopy=False)[-1]
        generation = sampler.get_trial_generation(self._study, frozen)
        parents = sampler.get_parent_population(self._study, generation)
        told = [self.told[trial.number] for trial in parents]
        self._parents = [(architecture, scores) for architecture, scores in told if scores is not None]

    def _child(self, attempt: int) -> Architecture:
        rng = self.rng("child", attempt)
        numbers = np.random.default_rng(rng.getrandbits(62))
        one, other = (self._genes.read(self._parent(rng)) for _ in range(2))
        if rng.random() >= CROSSED:
            other = one
        total = sum(len(f.counts) for f in self._genes.families)
        child: Vector = {}
        for family in self._genes.families:
            size = len(family.counts)
            crossed = np.where(numbers.random(size) < SWAPPED, other[family.name], one[family.name])
            anew = numbers.random(size) if family.real else numbers.integers(family.counts)
            child[family.name] = np.where(numbers.random(size) < 1 / total, anew, crossed)
        return self.draws.toward(self._genes.wish(child, self._rest), rng)

    def _parent(self, rng: Any) -> Architecture:
        """The better of two."""
        one, other = rng.choice(self._parents), rng.choice(self._parents)
        beaten = all(x >= y for x, y in zip(other[1], one[1], strict=True)) and other[1] != one[1]
        found: Architecture = (other if beaten else one)[0]
        return found

    def learn(self, architecture: Architecture, scores: Scores | None) -> None:
        assert self._trial is not None
        state = TrialState.FAIL if scores is None else TrialState.COMPLETE
        self._study.tell(self._trial, scores, state=state)

    def replay(self, architecture: Architecture, scores: Scores | None) -> None:
        self._begin()
        super().replay(architecture, scores)

    def pending(self) -> None:
        self._begin()


def names(family: Family) -> list[str]:
    """A name for each gene: `keep[user,item]`, of a member of a set `pairs: user*item`."""
    found = []
    for element, member in zip(family.elements.tolist(), family.members.tolist(), strict=True):
        label = family.decision.label(element)
        found.append(label if member < 0 else f"{label}: {family.decision.domain(element).options[member]}")
    return found


def _distribution(family: Family, gene: int) -> BaseDistribution:
    count = int(family.counts[gene])
    if family.real:
        return FloatDistribution(0.0, 1.0)
    return IntDistribution(0, count - 1) if family.ordered else CategoricalDistribution(tuple(range(count)))

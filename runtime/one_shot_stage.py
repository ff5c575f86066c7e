"""one_shot: training of shared weights, then random search that judges with them, then (if asked) the best by themselves.

trained     a step trains the architectures drawn for it (`paths.py`) with weights that all share (`sharing.py`)
judged      `samples` others, on validation rows, with the weights as they are or after a short fine-tuning
retrained   the best `retrain` from their own start; Kendall's τ says whether the weights that they shared rank them
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from recspace.compiler.budgets import widest
from recspace.compiler.decisions import Architecture, Decision, opened

from .choices import Option
from .context import Context
from .draws import Draws
from .metrics import kendall
from .paths import paths_of
from .plain_stages import hand_made
from .recipe import StageCall
from .refuse import refusal
from .repair import Repair
from .samplers import Listed, Proposer, Uniform
from .sampling import Sampling
from .sharing import NESTED, Sharing
from .state import State, joined
from .task import Found, architecture_from

TRUSTED = 0.6
"""Kendall's τ below which a ranking by shared weights is not to be trusted."""


class OneShot(Sampling):
    """`only`: the decisions that it settles; all others stay as they are."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self._outer, names = context, names_of(call.options["only"])
        own = tuple(d for d in context.decisions if names is None or d.name in names)
        self._only = None if names is None else frozenset(d.name for d in own)
        fixed = context.fixed.joined(context.decisions, held(context, own))
        inner = replace(context, fixed=fixed)
        self._own = own
        evaluated = replace(call, options={**call.options, "evaluate": "inherited"})
        super().__init__(inner, evaluated, self._sampler(inner, call))
        nested, distill = call.options["sharing"] in NESTED, call.options.get("distill") == "widest"
        paths = self._paths(inner, call)
        self.sharing = Sharing(inner, call, paths, largest(inner, call), nested=nested, distill=distill)
        self._again: Sampling | None = None

    def _sampler(self, context: Context, call: StageCall) -> Proposer:
        """What is judged once weights are trained."""
        draws = Draws(context.graph, context.fixed)
        return Uniform(draws, context.seed, context.stage, int(call.options["samples"]))

    def _paths(self, context: Context, call: StageCall) -> Callable[[int], tuple[Architecture, ...]]:
        """What is trained at each step."""
        mode, count = str(call.options["draw"]), int(call.options["paths"])
        return paths_of(context, self._own, context.fixed, mode, count)

    @property
    def _reads_supernet(self) -> bool:
        return False

    # -- a task ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        options = self.call.options
        alone = int(options["retrain"]) * (1 + self._outer.steps(replace(self.call, options=self._alone)))
        return self.sharing.steps + super().steps + alone

    @property
    def done(self) -> bool:
        if not self.sharing.ended or not super().done:
            return False
        return self._hurried or not self.call.options["retrain"] or (self._again is not None and self._again.done)

    def step(self) -> Mapping[str, float]:
        if not self.sharing.ended:
            self.at += 1
            figures = self.sharing.step()
            self._trained()
            return figures
        if not super().done:
            return super().step()
        self.at += 1
        if self._again is None:
            self._again = self._retraining()
        return self._again.step()

    def hurry(self) -> None:
        self.sharing.hurry()
        self._trained()
        if not self.trials and self._trial is None:
            self._ask()  # one is judged in any case
        super().hurry()
        if self._again is not None:
            self._again.hurry()

    def _trained(self) -> None:
        """Once training has ended, what is judged reads the weights that it has left."""
        if self.sharing.ended and not self._shared:
            self._shared = self.sharing.loans.bank.tensors()

    @property
    def _alone(self) -> dict[str, Any]:
        return {**self.call.options, "evaluate": "train", "epochs": self.call.options["retrain_epochs"]}

    def _retraining(self) -> Sampling:
        """The best architectures that are not the same, each from its start."""
        best, seen = [], set[str]()
        for trial in sorted(self.trials, key=lambda t: -(t["goodness"] if t["goodness"] is not None else -1e30)):
            if trial["goodness"] is not None and trial["fingerprint"] not in seen:
                seen.add(trial["fingerprint"])
                best.append(architecture_from(trial["architecture"]) or {})
        sampler = Listed(tuple(best[: int(self.call.options["retrain"])]))
        context = replace(self.context, stage=f"{self._outer.stage}/retrain")
        return Sampling(context, replace(self.call, options=self._alone), sampler)

    # -- what comes of it ------------------------------------------------------------------------------------

    def figures(self) -> dict[str, Any]:
        fit = self.sharing
        done = {"epochs": fit.epochs_done, "of_epochs": fit.plan.epochs, "best_epoch": fit.epochs_done}
        return {**super().figures(), **done, **self._ranking()}

    def _ranking(self) -> dict[str, Any]:
        """How shared weights rank those that were retrained."""
        if self._again is None:
            return {}
        alone = {t["fingerprint"]: t["goodness"] for t in self._again.trials if t["goodness"] is not None}
        shared = {t["fingerprint"]: t["goodness"] for t in self.trials}
        tau = kendall([shared[name] for name in alone], list(alone.values()))
        scores = [{"fingerprint": name, "shared": shared[name], "alone": good} for name, good in alone.items()]
        trusted = tau is not None and tau >= TRUSTED
        return {"ranking": {"kendall": tau, "least": TRUSTED, "trusted": trusted, "scores": scores}}

    def found(self) -> Found:
        again = self._again
        best = again.found() if again is not None and again.sampler.best() is not None else super().found()
        found = replace(best, shared=self._shared, weights={}, settled=self._outer.found.settled)
        if self._only is None:
            return found
        assert found.architecture is not None
        taken = {name: dict(enumerate(_listed(found.architecture, name))) for name in sorted(self._only)}
        return replace(found, architecture=None, model={}, settled={**found.settled, **taken})

    def state(self) -> State:
        parts = {"judging": super().state(), "sharing": self.sharing.state()}
        if self._again is not None:
            parts["again"] = self._again.state()
        return joined(parts, {"retraining": self._again is not None})

    def restore(self, state: State) -> None:
        self.sharing.restore(state.part("sharing"))
        self._trained()
        super().restore(state.part("judging"))
        self._again = None
        if state.facts["retraining"]:
            self._again = self._retraining()
            self._again.restore(state.part("again"))


def names_of(only: Any) -> frozenset[str] | None:
    """The decisions that `only = …` names; None: all."""
    return None if only is None else frozenset([only] if isinstance(only, str) else only)


def held(context: Context, own: tuple[Decision, ...]) -> dict[str, dict[int, Option]]:
    """All decisions but those: as stages before have left them, else at their default."""
    names, rest = {d.name for d in own}, hand_made(context)
    return {d.name: dict(enumerate(_listed(rest, d.name))) for d in context.decisions if d.name not in names}


def _listed(architecture: Architecture, name: str) -> tuple[Option, ...]:
    own = architecture[name]
    return tuple(int(o) for o in opened(own)) if isinstance(own, bytes) else own


def largest(context: Context, call: StageCall) -> Architecture:
    """The widest architecture, as what is fixed and required has it. Raises SpaceError (S0610) where there is none."""
    try:
        base = Draws(context.graph, context.fixed).at(context.seed, context.stage, "widest")
    except ValueError as why:
        help = "loosen a `require` of the space, or --fix less"
        raise refusal("S0610", f"{call.name}() has nothing to try: {why}", call.span, help=help) from why
    return Repair(context.graph, context.fixed)(widest(context.graph), base, random.Random(context.seed))

"""A stage that asks a sampler for architectures, judges each on validation rows and tells what it was worth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from torch import Tensor

from recspace.compiler.architectures import fingerprint
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision
from recspace.dsl.diagnostics import SpaceError

from .bank import borrow
from .choices import Choices, one_hots
from .choosing import Constant
from .context import Context
from .evaluation import goodness, metric, score_of, scores
from .figures import higher
from .fronts import front, knee
from .halving import Halving
from .module import Model
from .objectives import cost_terms, costs
from .randomness import order
from .recipe import StageCall
from .refuse import refusal
from .samplers import Proposer
from .state import State, copied, joined
from .targets import Target
from .task import Found, architecture_from, architecture_json
from .training import Diverged, Fit

TOLD = ("number", "score", "costs", "failed", "stopped", "repeats", "fingerprint")
"""What the report says of a trial."""


class Sampling:
    """One trial after the other. A trial that diverges, or that a `require` refuses, has failed; the search goes on.

    evaluate = train      a trial is trained from its start, on training rows, and scored on validation rows
    evaluate = inherited  with shared weights as they are, or (`finetune`) after so many steps from there; without any, with
                          the supernet's, the decisions one-hot

    Architectures that decide the same, or mean the same model, are judged once: a sampler that comes back to one is told
    what it was worth. What the best trained one has learned is kept: where no stage follows it is the model that comes
    out. `halving` stops trials early; one that was stopped is never the best. Where costs are objectives of their own
    all that nothing dominates are the front, and its knee is what comes out, unless an option of the sampler weighs costs.
    """

    def __init__(self, context: Context, call: StageCall, sampler: Proposer, halving: Halving | None = None) -> None:
        refuse_priors(context.decisions, call)
        if context.examples.valid.numel() == 0:
            raise refusal("S0611", "a sampler needs validation rows", call.span, help="give the split a valid part")
        self.context, self.call, self.sampler, self._halving = context, call, sampler, halving
        self._training = of_a_part(context, float(call.options.get("share", 1.0)))
        self._metric = metric(call.options["metric"], context.examples)
        self._inherited = call.options["evaluate"] == "inherited"
        self._shared = context.found.shared if self._inherited else {}
        self._finetune = int(call.options.get("finetune", 0)) if self._inherited else 0
        self._supernet = context.supernet_model() if self._inherited and self._reads_supernet else None
        self._known: dict[str, float | None] = {}
        self._tried: dict[str, dict[str, Any]] = {}  # trials by what they decide
        self._saved, self._rungs = 0, dict[str, float]()  # of the trial at hand: scores by epochs
        self._sizes: dict[str, int] = {}  # parameters by meaning
        self._terms = cost_terms(context.graph) if context.purse is not None else ()
        self._knee = bool(self._terms) and not call.options.get("survival")
        self._models: dict[int, dict[str, Tensor]] = {}  # what trials on the front have learned
        self._trial: tuple[Architecture, str, Fit] | None = None
        # What the best trained trial has learned: of all (""), and within each budget.
        self._kept: dict[str, tuple[float, dict[str, Tensor]]] = {}
        self.trials: list[dict[str, Any]] = []
        self.at, self._hurried = 0, False

    @property
    def _reads_supernet(self) -> bool:
        return not self._shared

    @property
    def steps(self) -> int:
        # One to ask and compile, then those of the training.
        whole = self._training.steps(self.call)
        return self.sampler.trials * (1 + (min(self._finetune, whole) if self._inherited else whole))

    @property
    def done(self) -> bool:
        return self._trial is None and (len(self.trials) >= self.sampler.trials or self._hurried)

    def step(self) -> Mapping[str, float]:
        """Figures at the end of a trial alone: the losses of different architectures say nothing of the search."""
        self.at += 1
        if self._trial is None:
            self._ask()
            return {}
        architecture, key, fit = self._trial
        try:
            fit.step()
        except Diverged as failure:
            self._tell(architecture, key, None, str(failure))
            return {}
        if fit.ended or (self._inherited and fit.at >= self._finetune):
            fit.hurry("epochs")
            self._judge(architecture, key, fit)
        elif self._halving is not None and not fit.at % fit.steps_an_epoch:
            self._rung(self._halving, architecture, fit)
        return {}

    def _rung(self, halving: Halving, architecture: Architecture, fit: Fit) -> None:
        """Whether the trial at hand goes on, at the end of an epoch."""
        trial, epoch = len(self.trials), fit.epochs_done
        rungs = halving.rungs(trial, fit.plan.epochs)
        if epoch not in rungs:
            return
        score = self._score(fit.model, fit.choosing.settled())
        self._rungs[str(epoch)] = score
        if not halving.goes_on(trial, epoch, score):
            self._saved += fit.steps - fit.at
            # It says nothing of what the architecture comes to: whoever means the same model is trained anew.
            told = halving.behind(score - self.context.charge(architecture), epoch, rungs)
            self._tell(architecture, "", score, "", told=told, stopped=epoch)

    def hurry(self) -> None:
        """No further trial; the one at hand is judged as it stands."""
        self._hurried = True
        if self._trial is not None:
            architecture, key, fit = self._trial
            fit.hurry()
            self._judge(architecture, key, fit)

    def _ask(self) -> None:
        context = self.context
        try:
            architecture = self.sampler.ask()
        except ValueError as why:
            help = "loosen a `require` of the space, or --fix less"
            raise refusal("S0610", f"{self.call.name}() has nothing to try: {why}", self.call.span, help=help) from why
        before = self._tried.get(fingerprint(context.graph, architecture))
        if before is not None:
            told = {"told": before.get("told"), "stopped": before.get("stopped"), "repeats": before["number"]}
            score = before["score"]
            self._tell(
                architecture, "", score if score is None or higher(self._metric) else -score, before["failed"], **told
            )
            return
        try:
            compiled = context.factory(architecture)
        except SpaceError as refused:
            self._tell(architecture, "", None, str(refused))
            return
        key = meaning(compiled)
        self._sizes[key] = sum(math.prod(t.shape) for t in compiled.tensors if t.trainable)
        if key in self._known:
            self._tell(architecture, key, self._known[key], "")
        elif self._supernet is not None:
            choices = one_hots(context.decisions, architecture, context.device)
            self._tell(architecture, key, self._score(self._supernet, choices), "")
        elif self._inherited and not self._finetune:
            self._tell(architecture, key, self._score(self._model(compiled), {}), "")
        else:
            self._trial = (architecture, key, self._fit(compiled, len(self.trials)))

    def _model(self, compiled: Compiled) -> Model:
        model = self.context.model(compiled)
        if self._inherited:
            borrow(self._shared, model)
        return model

    def _score(self, model: Model, choices: Choices) -> float:
        context = self.context
        rows, batch = context.examples.valid, context.settings.evaluation_rows
        return goodness(scores(model, context.examples, rows, choices, batch), self._metric)

    def _fit(self, compiled: Compiled, number: int) -> Fit:
        context = self._training
        choosing = Constant({}, context.device)
        name = f"{context.stage}.{number}"
        return context.fit(self._model(compiled), choosing, self.call, "optimizer", name=name)

    def _judge(self, architecture: Architecture, key: str, fit: Fit) -> None:
        score = self._score(fit.model, fit.choosing.settled())
        worth = score - self.context.charge(architecture)
        able = ["", *(target.name for target in self.context.targets if target.purse.met(architecture))]
        better = [name for name in able if name not in self._kept or worth > self._kept[name][0]]
        if better and math.isfinite(worth):  # of equal ones the first, as the sampler has it
            # A copy for each: what shares memory cannot be stored.
            self._kept |= {name: (worth, copied(fit.model.tensors)) for name in better}
        self._tell(architecture, key, score, "")
        if self._knee:
            self._models[len(self.trials) - 1] = copied(fit.model.tensors)
            self._models = {number: self._models[number] for number in self.front() if number in self._models}

    def front(self) -> list[int]:
        """Trials that nothing dominates, by number; none where there is one objective alone."""
        able = [t for t in self.trials if t.get("costs") and not {"stopped", "repeats"} & t.keys()]
        return [int(able[k]["number"]) for k in front([_scores(t) for t in able])]

    def knee(self) -> int | None:
        """The trial on the front where giving more of one objective gains least of the others."""
        numbers = self.front()
        return numbers[knee([_scores(self.trials[n]) for n in numbers])] if numbers else None

    def _tell(
        self, architecture: Architecture, key: str, score: float | None, why: str,
        *, told: float | None = None, stopped: int | None = None, repeats: int | None = None,
    ) -> None:  # fmt: skip
        """`told`: what the sampler hears in place of the score. `stopped`: epochs after which the trial was stopped.
        `repeats`: the trial that decided the same."""
        good = score if score is not None and math.isfinite(score) else None
        if key:
            self._known[key] = good
        charge = 0.0 if good is None else self.context.charge(architecture)
        worth = None if good is None else good - charge
        heard = worth if told is None else told
        several: dict[str, float] = {}
        if self._terms and self.context.purse is not None and worth is not None:
            several = costs(self.context.purse, self._terms, architecture)
        score_told = -math.inf if heard is None else heard
        self.sampler.tell(architecture, score_told, tuple(-cost for cost in several.values()))
        more = {"told": told, "stopped": stopped, "repeats": repeats, "costs": several or None}
        trial = {
            "number": len(self.trials),
            "score": score_of(good, self._metric),
            "metric": self._metric,
            "goodness": worth,
            "parameters": self._sizes.get(key),
            "failed": why or ("" if good is not None else f"no {self._metric} is defined on the validation rows"),
            "fingerprint": fingerprint(self.context.graph, architecture),
            "architecture": architecture_json(architecture),
            **({"charge": charge} if charge else {}),
            **{name: value for name, value in more.items() if value is not None},
            **({"rungs": {k: score_of(own, self._metric) for k, own in self._rungs.items()}} if self._rungs else {}),
        }
        self.trials.append(trial)
        self._tried.setdefault(trial["fingerprint"], trial)
        self._trial, self._rungs = None, {}

    def figures(self) -> dict[str, Any]:
        judged = [t for t in self.trials if t["goodness"] is not None]
        failed = len(self.trials) - len(judged)
        good = [t["goodness"] for t in judged if "stopped" not in t]
        early: dict[str, Any] = {}
        if self._halving is not None:
            early = {"stopped": len(judged) - len(good), "steps_saved": self._saved}
        if self._terms:
            told = ("number", "score", "costs")
            early["front"] = [{k: self.trials[n][k] for k in told} for n in self.front()]
            early["knee"] = self.knee() if self._knee else None
        return {
            "trials": len(self.trials),
            "of_trials": self.sampler.trials,
            "failed": failed,
            "repeated": sum("repeats" in t for t in self.trials),
            **early,
            "metric": self._metric,
            "goodness": max(good, default=None),
            "judged": [{k: t[k] for k in TOLD if k in t} for t in self.trials],
            "ended_by": "hours" if len(self.trials) < self.sampler.trials else "trials",
        }

    def found(self) -> Found:
        best = self.sampler.best()
        if best is None:
            last = next((t["failed"] for t in reversed(self.trials) if t["failed"]), "")
            help = last or "the last trial was cut off: more --hours, or more trials"
            raise refusal("S0610", "no trial gave a usable architecture", self.call.span, help=help)
        chosen = self.knee() if self._knee else None
        if chosen is None:
            return self._handed_on(best, "")
        architecture, model = architecture_from(self.trials[chosen]["architecture"]), self._models.get(chosen, {})
        return replace(self.context.found, architecture=architecture, gates={}, model=model, weighing={}, raw=False)

    def within(self, target: Target) -> Found:
        """The best trial within a budget. Raises SpaceError (S0610) where there was none."""
        best: tuple[float, Architecture] | None = None
        for trial in self.trials:
            architecture, good = architecture_from(trial["architecture"]), trial["goodness"]
            if architecture is not None and good is not None and (best is None or good > best[0]):
                best = (good, architecture) if target.purse.met(architecture) else best
        if best is None:
            text = f"no trial of {self.call.name}() is within the budget {target.name}"
            raise refusal("S0610", text, self.call.span, help="more trials, or a larger budget")
        return self._handed_on(best[1], target.name)

    def _handed_on(self, architecture: Architecture, budget: str) -> Found:
        _, model = self._kept.get(budget, (0.0, {}))
        return replace(self.context.found, architecture=architecture, gates={}, model=model, weighing={}, raw=False)

    def state(self) -> State:
        facts: dict[str, Any] = {"at": self.at, "known": self._known, "trials": self.trials, "hurried": self._hurried}
        facts |= {
            "trial": None,
            "saved": self._saved,
            "sizes": self._sizes,
            "rungs": self._rungs,
            "halving": self._halving and self._halving.state(),
        }
        facts["kept"] = [[name, score] for name, (score, _) in self._kept.items()]
        parts = {"sampler": self.sampler.state()}
        parts |= {f"kept{k}": State(tensors) for k, (_, tensors) in enumerate(self._kept.values())}
        fronted = {f"{number}/{n}": t for number, own in self._models.items() for n, t in own.items()}
        parts["front"] = State(fronted)
        if self._trial is not None:
            facts["trial"] = architecture_json(self._trial[0])
            parts["fit"] = self._trial[2].state()
        return joined(parts, facts)

    def restore(self, state: State) -> None:
        facts = state.facts
        self.at, self._hurried = int(facts["at"]), bool(facts["hurried"])
        self._known, self.trials = dict(facts["known"]), list(facts["trials"])
        self._sizes = dict(facts["sizes"])
        self._tried = {t["fingerprint"]: t for t in reversed(self.trials)}
        self._saved, self._rungs = int(facts["saved"]), dict(facts["rungs"])
        if self._halving is not None:
            self._halving.restore(facts["halving"])
        self.sampler.restore(state.part("sampler"))
        self._kept = {
            name: (score, dict(state.part(f"kept{k}").tensors)) for k, (name, score) in enumerate(facts["kept"])
        }
        self._models = {}
        for name, tensor in state.part("front").tensors.items():
            number, _, own = name.partition("/")
            self._models.setdefault(int(number), {})[own] = tensor
        self._trial = None
        architecture = architecture_from(facts["trial"])
        if architecture is not None:
            compiled = self.context.factory(architecture)
            fit = self._fit(compiled, len(self.trials))
            fit.restore(state.part("fit"))
            self._trial = (architecture, meaning(compiled), fit)


def of_a_part(context: Context, share: float) -> Context:
    """The context with a share of the training rows, the same for all of a stage: what is judged is trained on less."""
    examples = context.examples
    if share >= 1:
        return context
    rows = order(examples.train.numel(), context.seed, f"{context.stage}/share", 0)
    kept = rows[: max(2, round(share * rows.numel()))].sort().values
    return replace(context, examples=replace(examples, train=examples.train[kept]))


def _scores(trial: Mapping[str, Any]) -> tuple[float, ...]:
    """Of every objective, the higher the better."""
    return (float(trial["goodness"]), *(-float(cost) for cost in trial["costs"].values()))


def refuse_priors(decisions: tuple[Decision, ...], call: StageCall) -> None:
    """Raises SpaceError (S0606) for decisions that cannot be drawn."""
    if any(d.prior for d in decisions):
        raise refusal("S0606", f"{call.name}() does not draw by a `prior` yet", call.span)


def meaning(compiled: Compiled) -> str:
    """A name for what a compiled model computes: its text, its weights' identities and what is settled for good."""
    slices = [
        [t.attribute, [[s.layer, s.name, s.key, s.candidate, s.part] for s in t.slices]] for t in compiled.tensors
    ]
    settled = [t.settled.tobytes().hex() for t in compiled.tensors if t.settled is not None]
    return blake2b(json.dumps([compiled.source, slices, settled]).encode(), digest_size=16).hexdigest()

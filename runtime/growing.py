"""beam: a set that grows, each candidate judged by the weights that it alone would have (AutoCross, KDD 2019).

    numbers   each searched granularity: its options judged against the share of positives, the best one kept
    base      the model without the set is trained; its logits are held from here on
    rounds    all candidates on a few mini-batches, half of them on twice as many, …, the last few on all training rows
    grown     the best `width` sets; each new member's weights, learned on all training rows, join the logits held

It ends where no larger set is better on validation rows by more than `least`, or the set is full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.architectures import satisfies
from recspace.compiler.decisions import Architecture
from recspace.compiler.schema import Column

from .addends import Addends
from .choosing import Constant
from .context import Context
from .evaluation import metric, predicted
from .field_wise import Judge, halvings, seen_by
from .growth import Grown, Growth, Members, granularities, members_of, options_of, settled
from .plain_stages import hand_made
from .recipe import StageCall
from .refuse import refusal
from .sampling import Sampling
from .state import State, joined
from .task import Found, Task, architecture_from, architecture_json
from .training import Fit

NEAR = 1e-7
"""Predictions are kept this far from 0 and 1 before logits are taken of them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A set of the beam: its members, how good it is, and its logits [training + validation rows] (see `Judge`)."""

    members: Members
    score: float
    logits: Tensor


class Growing:
    """The stage, one step at a time: a number's options, a step of the base's training, a round of judging."""

    def __init__(self, context: Context, call: StageCall, growth: Growth, judge: Judge, addends: Addends) -> None:
        self.context, self.call, self.growth, self.judge, self.addends = context, call, growth, judge, addends
        self.width, self.least = int(call.options["width"]), float(call.options["least"])
        self.architecture = growth.start(based(context))
        self.numbers = tuple(n for n in granularities(context.decisions, context.fixed) if addends.numbers_at(*n))
        self._scores: dict[tuple[str, int], list[float]] = {}
        self.at, self.judged, self._ended = 0, 0, False
        self._fit: Fit | None = None
        self._beam: list[Kept] = []
        self._best: Kept | None = None
        self._left: list[tuple[int, int]] = []  # (which set of the beam, the member that would join it)
        self._round = self._rounds = 0
        self.grown: list[dict[str, Any]] = []

    # -- a task ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        growth, present = self.growth, len(members_of(self.architecture, self.growth.decision))
        levels = max(0, growth.most - present)
        return len(self.numbers) + self.context.steps(self.call) + levels * self.judge.batches

    @property
    def done(self) -> bool:
        return self._ended

    def step(self) -> Mapping[str, float]:
        self.at += 1
        if len(self._scores) < len(self.numbers):
            return self._granularity()
        if self._best is None:
            return self._base()
        return self._judge_round()

    def hurry(self) -> None:
        """No larger set; what is under way is judged no further."""
        if self._fit is not None and self._best is None:
            self._fit.hurry()
        self._ended = True

    def figures(self) -> dict[str, Any]:
        best, judged = self._best, {d.name for d, _ in self.numbers}
        return {
            "metric": self.judge.metric,
            "goodness": None if best is None else best.score,
            "judged": self.judged,
            "grown": self.grown,
            "left_at_default": sorted({d.name for d in self.context.decisions} - {self.growth.decision.name, *judged}),
            "numbers": {
                f"{d.label(e)}": self._scores[d.name, e] for d, e in self.numbers if (d.name, e) in self._scores
            },
        }

    def found(self) -> Found:
        members = self._best.members if self._best is not None else members_of(self.architecture, self.growth.decision)
        architecture = self.growth.joined(self.architecture, members)
        if not satisfies(self.context.graph, architecture) or len(members) < self.growth.least:
            text = f"{len(members)} members were found, and the space wants more or others"
            raise refusal("S0610", text, self.call.span, help="use random()")
        return replace(self.context.found, architecture=architecture, gates={}, model={}, weighing={}, raw=False)

    # -- before the set grows --------------------------------------------------------------------------------

    def _granularity(self) -> Mapping[str, float]:
        """Judge the options of the next number alone, against the share of positives."""
        decision, element = self.numbers[len(self._scores)]
        columns = self.addends.numbers_at(decision, element)
        odds = self.judge.odds()
        found = self.judge.scores([(column, odds) for column in columns], self.judge.batches)
        self.judged += len(columns)
        self._scores[decision.name, element] = found
        own = self.architecture[decision.name]
        best = max(range(len(found)), key=lambda k: (found[k], -k))
        self.architecture = {**self.architecture, decision.name: (*own[:element], best, *own[element + 1 :])}
        if len(self._scores) == len(self.numbers):
            context = self.context
            try:
                self.architecture = settled(context.graph, context.fixed, self.architecture, self._scores)
            except ValueError as why:
                raise refusal("S0610", f"no granularities meet the requirements: {why}", self.call.span) from why
        return {self.judge.metric: abs(found[best])}

    def _base(self) -> Mapping[str, float]:
        fit = self._fit or self._started()
        self._fit = fit
        figures = fit.step()
        if fit.ended:
            logits = self._logits(fit)
            start = members_of(self.architecture, self.growth.decision)
            self._best = Kept(start, self.judge.worth(logits), logits)
            self._beam, self._fit = [self._best], None
            self._enter()
        return figures

    def _started(self) -> Fit:
        context = self.context
        model = context.model(context.factory(self.architecture))
        return context.fit(model, Constant({}, context.device), self.call, "optimizer")

    def _logits(self, fit: Fit) -> Tensor:
        """What the trained model says of training and validation rows, before its sigmoid."""
        context = self.context
        rows = self.judge.everything
        answer = predicted(fit.model, context.examples, rows, {}, context.settings.evaluation_rows)
        p_R = torch.from_numpy(answer).clamp(NEAR, 1 - NEAR)
        return torch.logit(p_R).float().to(context.device)

    # -- the set grows ---------------------------------------------------------------------------------------

    def _enter(self) -> None:
        """The candidates of the next level; the end where there are none."""
        seen: set[Members] = set()
        self._left = []
        for which, kept in enumerate(self._beam):
            for member in self.growth.candidates(self.growth.joined(self.architecture, kept.members)):
                made = tuple(sorted((*kept.members, member)))
                if made not in seen:
                    seen.add(made)
                    self._left.append((which, member))
        self._round, self._rounds = 0, halvings(len(self._left), self.width, self.judge.batches)
        self._ended = not self._left

    def _judge_round(self) -> Mapping[str, float]:
        self._round += 1
        columns = self.addends.members(self.architecture)
        asked = [(columns[member], self._beam[which].logits) for which, member in self._left]
        found = self.judge.scores(asked, seen_by(self._round, self._rounds, self.judge.batches))
        self.judged += len(asked)
        ranked = sorted(range(len(found)), key=lambda k: -found[k])  # stable: of equal ones the first
        if self._round < self._rounds:
            kept = ranked[: max(self.width, math.ceil(len(ranked) / 2))]
            self._left = [self._left[k] for k in sorted(kept)]
            return {}
        assert self._best is not None
        if found[ranked[0]] <= self._best.score + self.least and len(self._best.members) >= self.growth.least:
            self._ended = True
            return {}
        self._beam = [self._grown(*self._left[k], columns) for k in ranked[: self.width]]
        self._best = self._beam[0]
        self.grown.append({"member": self._newest(ranked[0]), "goodness": self._best.score})
        self._enter()
        return {self.judge.metric: abs(self._best.score), "members": float(len(self._best.members))}

    def _newest(self, place: int) -> str:
        return self.growth.labels[self._left[place][1]]

    def _grown(self, which: int, member: int, columns: Mapping[int, Column]) -> Kept:
        parent = self._beam[which]
        logits = self.judge.joined(columns[member], parent.logits)
        return Kept(tuple(sorted((*parent.members, member))), self.judge.worth(logits), logits)

    # -- state -----------------------------------------------------------------------------------------------

    def state(self) -> State:
        beam = [{"members": list(k.members), "score": k.score} for k in self._beam]
        facts: dict[str, Any] = {
            "at": self.at, "judged": self.judged, "ended": self._ended, "round": self._round, "rounds": self._rounds,
            "left": [list(pair) for pair in self._left], "grown": list(self.grown), "beam": beam,
            "architecture": architecture_json(self.architecture), "scores": list(self._scores.values()),
            "fitting": self._fit is not None,
        }  # fmt: skip
        parts = {"logits": State({str(k): kept.logits.cpu() for k, kept in enumerate(self._beam)})}
        if self._fit is not None:
            parts["fit"] = self._fit.state()
        return joined(parts, facts)

    def restore(self, state: State) -> None:
        facts = state.facts
        self.at, self.judged, self._ended = int(facts["at"]), int(facts["judged"]), bool(facts["ended"])
        self._round, self._rounds = int(facts["round"]), int(facts["rounds"])
        self._left = [(int(which), int(member)) for which, member in facts["left"]]
        self.grown = list(facts["grown"])
        self.architecture = architecture_from(facts["architecture"]) or {}
        self._scores = {(d.name, e): s for (d, e), s in zip(self.numbers, facts["scores"], strict=False)}
        logits = state.part("logits").tensors
        self._beam = [
            Kept(tuple(kept["members"]), float(kept["score"]), logits[str(k)].to(self.context.device))
            for k, kept in enumerate(facts["beam"])
        ]
        self._best = self._beam[0] if self._beam else None
        self._fit = None
        if facts["fitting"]:
            self._fit = self._started()
            self._fit.restore(state.part("fit"))


def based(context: Context) -> Architecture:
    """What stages before have settled, else the hand-made model."""
    return context.found.architecture if context.found.architecture is not None else hand_made(context)


def start(context: Context, call: StageCall) -> Task:
    """The stage: judged field by field, or (without `evaluate`) every set trained as samplers do."""
    growth = _growth(context, call)
    try:
        begin = growth.start(based(context))
    except ValueError as why:
        raise refusal("S0610", f"beam() has nothing to begin with: {why}", call.span) from why
    if call.options["evaluate"] is None:
        numbers = granularities(context.decisions, context.fixed)
        return Sampling(context, call, Grown(growth, begin, int(call.options["width"]), numbers))
    addends, judge = _judged(context, call, begin)
    usable = frozenset(k for k, column in addends.members(begin).items() if judge.readable(column))
    return Growing(context, call, replace(growth, usable=growth.usable & usable), judge, addends)


def check(context: Context, call: StageCall) -> None:
    """Raises SpaceError for a set that cannot grow, or that field-wise regression cannot judge."""
    growth = _growth(context, call)
    if context.examples.valid.numel() == 0:
        raise refusal("S0611", "beam() needs validation rows", call.span, help="give the split a valid part")
    if call.options["evaluate"] is None:
        return
    place = call.spans.get("evaluate", call.span)
    hint = "leave `evaluate` out: then every set is trained"
    if context.examples.task != "binary":
        raise refusal("S0605", "field_wise_logistic() judges labels of 0 or 1", place, help=hint)
    addends, _ = _judged(context, call, growth.start(based(context)))
    if not addends.members(based(context)):
        name = growth.decision.name
        text = f"field_wise_logistic() cannot judge `{name}`: its members do more than add a weight to the logits"
        raise refusal("S0605", text, place, help=f"sum(weight(cross(c)) for c in {name}) inside sigmoid(…), or {hint}")


def _growth(context: Context, call: StageCall) -> Growth:
    name = call.options["grow"]
    decision = next(d for d in context.decisions if d.name == name)
    growth = Growth(
        context.graph, context.fixed, decision, str(call.options["join"]), frozenset(range(options_of(decision, 0)))
    )
    if growth.join == "pairs" and not any("*" in label for label in growth.labels):
        place = call.spans.get("join", call.span)
        text = f"`join = pairs` joins sets of fields, and members of `{name}` are none"
        raise refusal("S0603", text, place, help="write join = any")
    return growth


def _judged(context: Context, call: StageCall, begin: Architecture) -> tuple[Addends, Judge]:
    if context.settled is None:
        raise refusal("S0605", "field_wise_logistic() needs the graphs of plain models", call.span)
    decision = next(d for d in context.decisions if d.name == call.options["grow"])
    figure = metric(call.options["metric"], context.examples)
    batches = int(call.options["evaluate"].options["batches"])
    judge = Judge(context.examples, batches, figure, context.seed, context.stage)
    return Addends(context.settled, decision, begin), judge

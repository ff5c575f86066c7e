"""progressive(along = k, step = relax(…)): one relaxation after the other, for each value of an index (PROFIT).

With the value v the decisions of v learn; those of earlier values stay as they were left, weighed by the step or settled
(`held`: layers of FIVES that are built on binary ones), and gates of later ones are 0: they are not in the model yet.
Weights, and decisions without the index, go on learning from step to step; optimizers start anew in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.decisions import Choice, Decision

from .choices import kind
from .choosing import Portion
from .context import Context
from .recipe import StageCall
from .references import index_of, values_of
from .state import State, copied, joined
from .supernet_stages import Fitting, Relax
from .task import Found


class Progressive(Fitting):
    """`number` counts the values that are done; `held` is what has been learned of decisions before this one, `settled`
    what that comes to, where it is held so."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self._along, self._step = str(call.options["along"]), step_of(call)
        self._values = values_of(self._along, context.decisions)
        self._number, self._hurried = 0, False
        self._held: Mapping[str, Tensor] = {}
        self._settles, self._settled = call.options["held"] == "settled", dict[str, Tensor]()
        self._begin(context)

    def _begin(self, context: Context) -> None:
        value = self._values[self._number]
        self._outer = replace(context, stage=context.stage.partition("/")[0])
        portion = portion_of(context.decisions, self._along, self._values, self._number, self._held, self._settled)
        self._task = Relax(replace(self._outer, stage=f"{self._outer.stage}/{value}"), self._step, portion)
        super().__init__(context, self._task.fit)
        self.raw = self._task.raw

    @property
    def steps(self) -> int:
        return len(self._values) * self.fit.steps

    @property
    def at(self) -> int:
        return self._number * self.fit.steps + self.fit.at

    @property
    def done(self) -> bool:
        return self.fit.ended and (self._hurried or self._number + 1 == len(self._values))

    def step(self) -> Mapping[str, float]:
        if self.fit.ended:
            self._held = copied(self._task.choosing.whole())
            found = self._task.found()
            if self._settles:
                self._settled = {d.name: hardened(d, found.weighing[d.name]) for d in self._outer.decisions}
            self._number += 1
            self._begin(replace(self._outer, found=found))
        return self.fit.step()

    def hurry(self) -> None:
        """What has not had its turn stays out of the model."""
        self._hurried = True
        self.fit.hurry()

    def state(self) -> State:
        parts = {"fit": self.fit.state(), "held": State(copied(self._held)), "settled": State(copied(self._settled))}
        return joined(parts, {"number": self._number, "hurried": self._hurried})

    def restore(self, state: State) -> None:
        self._number, self._hurried = int(state.facts["number"]), bool(state.facts["hurried"])
        self._held, self._settled = dict(state.part("held").tensors), dict(state.part("settled").tensors)
        self._begin(self._outer)
        self.fit.restore(state.part("fit"))

    def figures(self) -> dict[str, Any]:
        done = self._number * self.fit.plan.epochs + self.fit.epochs_done
        return {"epochs": done, "best_epoch": done, "steps": self.at, "along": list(self._values[: self._number + 1])}

    def found(self) -> Found:
        return self._task.found()


def step_of(call: StageCall) -> StageCall:
    """The stage of each value: what is written in it, then what is written around it, then its own defaults.

    `epochs` is of each step, and has the default of `progressive`.
    """
    step = call.options["step"]
    assert isinstance(step, StageCall), "refused before"
    around = {n: call.options[n] for n in (call.given | {"epochs"}) & step.options.keys() if n not in step.given}
    return replace(step, options={**step.options, **around})


def hardened(decision: Decision, weights: Tensor) -> Tensor:
    """Gates [E] that are on where they weigh more than one half; of choices [E, N] the option that weighs most."""
    if kind(decision).name == "gate":
        return (weights > 0.5).to(weights.dtype)
    return torch.nn.functional.one_hot(weights.argmax(-1), weights.shape[-1]).to(weights.dtype)


def portion_of(
    decisions: tuple[Decision, ...],
    along: str,
    values: tuple[Choice, ...],
    number: int,
    held: Mapping[str, Tensor],
    settled: Mapping[str, Tensor] | None = None,
) -> Portion:
    """What the step with `values[number]` learns, and what is in its model; what earlier ones are `settled` as."""
    rows: dict[str, Tensor] = {}
    there: dict[str, Tensor] = {}
    before: dict[str, tuple[Tensor, Tensor]] = {}
    for decision in decisions:
        own = index_of(along, decision)
        if own is None:
            continue
        factors = decision.factors
        learned = {
            factors.group_of[element] if factors is not None else element
            for element, value in enumerate(own)
            if value == values[number]
        }
        rows[decision.name] = torch.tensor(sorted(learned), dtype=torch.long)
        if settled and number:
            mask = torch.tensor([value in values[:number] for value in own])
            before[decision.name] = mask, settled[decision.name]
        if kind(decision).name == "choice":
            continue  # a rank: learned with what it is the rank of, and no part of the model
        there[decision.name] = torch.tensor([value in values[: number + 1] for value in own])
    return Portion(rows, there, held, before)

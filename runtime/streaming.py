"""The training loop over a stream: each window is predicted first, then learned from (test, then train).

IncCTR (arXiv 2020): a window's model starts from the last one's weights, values that join start from the mean of those that are known,
and the last model's answers are distilled: loss + λ · loss of the answers. AutoEmb (ICDM 2021): decisions learn from the batch before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .choices import Choices
from .evaluation import Figures, figures_of
from .flow import Batch, Flow, Seen
from .module import Model, build, initialise
from .second_order import task_loss
from .state import State, copied, joined
from .training import Fit

TOLD = 20
"""Windows whose figures are told while it goes on, about."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`mean`: values that join start from the mean. `warm`: a window goes on from the weights of the last one. `distill`: λ.
    `lag`: decisions learn from the batch so many steps before."""

    mean: bool
    warm: bool
    distill: float
    lag: int


class Streamed(Fit):
    """A model that is trained on a stream. `answers` [N]: what was predicted of every row before it was learned from, NaN
    in the first window."""

    def __init__(self, flow: Flow, rules: Rules, seed: int, *parts: Any) -> None:
        super().__init__(*parts)
        self.flow, self._rules, self._seed = flow, rules, seed
        self.seen = Seen(self._examples.encoded, self.model.compiled)
        self.answers = torch.full((flow.rows.numel(), *self._wide()), math.nan)
        self._place = torch.zeros(int(flow.rows.max()) + 1, dtype=torch.long)
        self._place[flow.rows] = torch.arange(flow.rows.numel())
        self._teacher: Model | None = None
        self.steps_an_epoch = len(flow.batches)
        self.seen.tell(self.model)

    def _wide(self) -> tuple[int, ...]:
        """Classes have an answer each."""
        if self._examples.task != "classes":
            return ()
        return (int(self._examples.encoded.dense[":label"].max()) + 1,)

    @property
    def steps(self) -> int:
        return len(self.flow.batches)

    @property
    def batch_at(self) -> Batch:
        return self.flow.batches[self.at]

    # -- a step ----------------------------------------------------------------------------------------------

    def step(self) -> Figures:
        if self.flow.opens(self.at):
            self._open()
        batch = self.batch_at
        if self._decisions is not None and self.plan.bilevel and self.at >= self._rules.lag:
            self._decide()
        self._loss_sum += self._learn()
        if batch.first:
            self.seen.add(self._examples.batch(batch.rows))
            self.seen.tell(self.model)
        self.after()
        closes = self.flow.closes(self.at)
        self.at += 1
        return self._close() if closes else {}

    def after(self) -> None:
        """What follows a step besides."""

    def hurry(self, why: str = "hours") -> None:
        if not self.ended:
            self.ended, self.ended_by = True, why

    def _open(self) -> None:
        """Predict a window, take its new values in, and remember the model that went before."""
        window = self.batch_at.window
        rows = self.flow.windows[window]
        if window:
            self._answer(rows)
            if self._rules.distill:
                self._teacher = self._copy()
            if not self._rules.warm:
                initialise(self.model, self._seed)
                self.seen.tell(self.model)
        if self._rules.mean:
            self.seen.join(self.model, self._examples.batch(rows))

    @torch.no_grad()
    def _answer(self, rows: Tensor) -> None:
        self.model.module.eval()
        settled = self.choosing.settled()
        for part in torch.split(rows, self._settings.evaluation_rows):
            batch = self.seen.masked(self._examples.batch(part))
            self.answers[self._place[part]] = self.model.module(batch, settled, {}).float().cpu()

    def _copy(self) -> Model:
        other = build(self.model.compiled, self._examples.encoded.device)
        other.load(self.model.tensors)
        return other

    def _rows(self, rows: Tensor, name: str) -> Tensor:
        """Training takes the batch at hand; decisions that before."""
        return self.flow.batches[self.at - (self._rules.lag if name == "valid" else 0)].rows

    def _answered(
        self,
        batch: Mapping[str, Tensor],
        choices: Choices,
        name: str,
        objective: Callable[..., Any] | None = None,
        noise: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        prediction, terms = super()._answered(batch, choices, name, objective, noise)
        if self._teacher is None or name != "train":
            return prediction, terms
        with torch.no_grad():
            self._teacher.module.eval()
            said = self._teacher.module(self.seen.masked(batch), self.choosing.settled(), {})
        distilled = task_loss(self._examples.task, prediction, {**batch, ":label": said})
        return prediction, (*terms, self._rules.distill * distilled)

    def _close(self) -> Figures:
        window = self.flow.batches[self.at - 1].window
        count = sum(b.window == window for b in self.flow.batches)
        figures: Figures = {"loss": self._loss_sum / count, **self.judged(window)}
        self._loss_sum = 0.0
        self.history.append(figures)
        if self.at >= self.steps:
            self.ended, self.ended_by = True, "epochs"
        told = self.ended or window % max(1, len(self.flow.windows) // TOLD) == 0
        return figures if told else {}

    def judged(self, window: int | None = None) -> Figures:
        """Figures of what was predicted of the rows of a window before they were learned from; of all windows so far."""
        rows = self.flow.rows if window is None else self.flow.windows[window]
        answers = self.answers[self._place[rows]]
        there = ~answers.reshape(len(rows), -1).isnan().any(1)
        return figures_of(self._examples, rows[there], answers[there].double().numpy()) if bool(there.any()) else {}

    # -- its state -------------------------------------------------------------------------------------------

    def state(self) -> State:
        parts = {
            "fit": super().state(),
            "seen": State(copied(self.seen.counts)),
            "answers": State({"all": self.answers.clone()}),
        }
        if self._teacher is not None:
            parts["teacher"] = State(copied(self._teacher.tensors))
        return joined(parts, {"taught": self._teacher is not None})

    def restore(self, state: State) -> None:
        super().restore(state.part("fit"))
        for key, counts in self.seen.counts.items():
            counts.copy_(state.part("seen").tensors[key])
        self.answers.copy_(state.part("answers").tensors["all"])
        self._teacher = None
        if state.facts["taught"]:
            self._teacher = self._copy()
            self._teacher.load(state.part("teacher").tensors)

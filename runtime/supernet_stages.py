"""Stages that train the supernet: warmup and relax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from torch import Tensor

from .choices import even, one_hot, tensors_of
from .choosing import EVERYTHING, Choosing, Constant, Drawn, Portion, Relaxed
from .closing import closing
from .context import Context, with_defaults
from .draws import Draws
from .recipe import StageCall
from .shares import of_values, shares
from .state import State, copied
from .task import Found
from .thrift import thrift_of
from .training import Fit


class OneFit:
    """A stage that is one training run."""

    def __init__(self, context: Context, fit: Fit) -> None:
        self.context, self.fit = context, fit

    @property
    def steps(self) -> int:
        return self.fit.steps

    @property
    def at(self) -> int:
        return self.fit.at

    @property
    def done(self) -> bool:
        return self.fit.ended

    def step(self) -> Mapping[str, float]:
        return self.fit.step()

    def hurry(self) -> None:
        self.fit.hurry()

    def state(self) -> State:
        return self.fit.state()

    def restore(self, state: State) -> None:
        self.fit.restore(state)


class Fitting(OneFit):
    """One that trains one model to its end. `raw`: what it learns of gates are no probabilities."""

    raw = False

    def figures(self) -> dict[str, Any]:
        """`ended_by`: epochs (all of them were done), patience or hours."""
        fit = self.fit
        done = {"epochs": fit.epochs_done, "of_epochs": fit.plan.epochs, "best_epoch": fit.best_epoch}
        return {**done, "steps": fit.at, "patience": fit.plan.patience, "ended_by": fit.ended_by}


class Warmup(Fitting):
    """Weights of the supernet, its decisions not searched yet."""

    def __init__(self, context: Context, call: StageCall) -> None:
        fixed, decisions = context.fixed, context.decisions
        options = {
            d.name: even(d) if call.options["decisions"] == "even" else one_hot(d, d.hand_made) for d in decisions
        }
        rest = {name: fixed.weights(name, weights) for name, weights in options.items()}
        choosing: Choosing = Constant(rest, context.device, decisions)
        if call.options["decisions"] == "random":
            choosing = Drawn(decisions, Draws(context.graph, fixed), rest, context.seed, context.stage, context.device)
        super().__init__(context, context.fit(context.supernet_model(), choosing, call, "optimizer"))

    def found(self) -> Found:
        return replace(self.context.found, weights=copied(self.fit.model.tensors), model={})


class Relax(Fitting):
    """Weights of the supernet and of its decisions together, or in turn; of those that `portion` says."""

    def __init__(self, context: Context, call: StageCall, portion: Portion = EVERYTHING) -> None:
        self.raw = call.options["as"] == "gate"
        relaxation = import_module(f"{__package__}.relaxations.{call.options['as']}")
        steps, model = context.steps(call), context.supernet_model()
        self.choosing = Relaxed(
            context.decisions,
            relaxation,
            call.options,
            steps,
            context.fixed,
            context.seed,
            context.stage,
            context.device,
            portion,
            thrift_of(context, call, steps),
        )
        # Few steps of Adam with its usual 0.001 could not tell options apart: let logits travel about 3 in a stage.
        moves = max(1, steps // int(call.options["every"]))
        decisions = call.options["optimizer"] or with_defaults("adam", lr=min(0.1, max(0.001, 3 / moves)))
        bilevel = call.options["bilevel"] != "none"
        fit = context.fit(
            model, self.choosing, call, "weights", bilevel=bilevel, decisions=decisions, shaping=self.choosing
        )
        super().__init__(context, fit)

    def figures(self) -> dict[str, Any]:
        """With what the costs that are bounded are expected to be."""
        thrift = self.choosing.thrift
        return super().figures() | ({} if thrift is None else {"bounds": thrift.told(self.choosing.settled())})

    def found(self) -> Found:
        settled, examples = self.fit.choosing.settled(), self.context.examples
        rows = examples.valid if examples.valid.numel() else examples.stopping
        batch = self.context.settings.evaluation_rows
        given = shares(self.fit.model, examples, rows, settled, self.context.decisions, batch)
        given |= of_values(self.fit.model, examples, settled, self.context.decisions, batch)
        weighing = copied({**tensors_of(self.choosing.to_derive()), **given})
        shut = closing(self.fit.model, examples, rows, settled, self.context.decisions)
        found = searched(self.context.found, self.fit, weighing, raw=self.raw)
        return replace(found, closing=shut, untempered=copied(self.choosing.untempered()))


def searched(
    found: Found, fit: Fit, weighing: Mapping[str, Tensor], *, raw: bool = False, margins: bool = False
) -> Found:
    """What a relaxation hands on."""
    return replace(
        found,
        weights=copied(fit.model.tensors),
        weighing=weighing,
        untempered={},
        raw=raw,
        margins=margins,
        architecture=None,
        gates={},
        model={},
    )

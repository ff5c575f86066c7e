"""relax with gates that come of what they multiply: thresholds on a table, or a penalty on its rows."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .budget import Budget, budget_of
from .context import Context, with_defaults
from .gating import Gating
from .recipe import StageCall
from .state import copied
from .supernet_stages import Fitting, searched
from .task import Found

DECAY = 1e-5
"""Of thresholds, coupled, as in the paper's code: at their start the loss hardly moves them, and this does."""

RISES = 100
"""How often in a stage thresholds are held to a budget, at most."""


class RelaxGated(Fitting):
    """Weights of the supernet, and thresholds with them or in turn.

    Where the space bounds its parameters, thresholds that the loss leaves too low are raised together, little by little
    in the second half of the stage, so that the bound is met when it ends; or before, and then it ends there.
    """

    def __init__(self, context: Context, call: StageCall) -> None:
        relaxation = import_module(f"{__package__}.relaxations.{call.options['as']}")
        model, weights = context.supernet_model(), call.options["weights"] or with_defaults("adam")
        rate = float(weights.options["lr"])
        self.choosing = Gating(context.decisions, relaxation, call, model, context.fixed, rate)
        moves = max(1, context.steps(call) // int(call.options["every"]))
        # Decay alone would carry thresholds from where they start to 0 in one stage; the loss holds them up before.
        travel = abs(float(call.options.get("initial", 0.0)))
        decisions = call.options["optimizer"] or with_defaults(
            "adam", lr=max(0.001, travel / moves), weight_decay=DECAY
        )
        bilevel = call.options["bilevel"] != "none"
        fit = context.fit(
            model,
            self.choosing,
            call,
            "weights",
            bilevel=bilevel,
            decisions=decisions if self.choosing.parameters else None,
            shaping=self.choosing,
        )
        super().__init__(context, fit)
        self._budget: Budget | None = budget_of(context, self.choosing.cells)

    def step(self) -> Mapping[str, float]:
        figures = self.fit.step()
        if self._budget is None or self.fit.ended:
            return figures
        every = max(1, self.fit.steps // RISES)
        if self.choosing.parameters and (self.at % every == 0 or self.at + 1 == self.fit.steps):
            done = max(0.0, 2 * self.at / self.fit.steps - 1)
            self.choosing.lift(self._budget.lift(self.choosing.margins(), done))
        if self.at % every == 0 and self._budget.met(self.choosing.opened()):
            self.fit.hurry("budget")
        return figures

    def figures(self) -> dict[str, Any]:
        """`open`: the gates that are, of every decision."""
        open_ = {name: int(own.sum()) for name, own in self.choosing.opened().items()}
        return {**super().figures(), "gates_open": open_}

    def found(self) -> Found:
        return searched(self.context.found, self.fit, copied(self.choosing.margins()), margins=True)

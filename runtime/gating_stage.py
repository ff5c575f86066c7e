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


class RelaxGated(Fitting):
    """Weights of the supernet, and thresholds with them or in turn. Ends early once a required number of parameters is met.

    Thresholds travel from `initial` to 0, where σ is one half and nothing is left, if the stage is not ended before:
    so the budget is met within it, whatever it is.
    """

    def __init__(self, context: Context, call: StageCall) -> None:
        relaxation = import_module(f"{__package__}.relaxations.{call.options['as']}")
        model, weights = context.supernet_model(), call.options["weights"] or with_defaults("adam")
        rate = float(weights.options["lr"])
        self.choosing = Gating(context.decisions, relaxation, call, model, context.fixed, rate)
        moves = max(1, context.steps(call) // int(call.options["every"]))
        travel = abs(float(call.options.get("initial", 0.0)))
        decisions = call.options["optimizer"] or with_defaults("adam", lr=max(0.001, travel / moves), weight_decay=DECAY)
        bilevel = call.options["bilevel"] == "first_order"
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
        if not self.fit.ended and self._budget is not None and self._budget.met(self.choosing.opened()):
            self.fit.hurry("budget")
        return figures

    def figures(self) -> dict[str, Any]:
        """`open`: the gates that are, of every decision."""
        open_ = {name: int(own.sum()) for name, own in self.choosing.opened().items()}
        return {**super().figures(), "gates_open": open_}

    def found(self) -> Found:
        return searched(self.context.found, self.fit, copied(self.choosing.margins()), margins=True)

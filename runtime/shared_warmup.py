"""warmup(sharing = …, distill = …): weights that all architectures share, trained before anything is searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from recspace.compiler.decisions import Architecture

from .context import Context
from .one_shot_stage import largest
from .paths import paths_of
from .plain_stages import hand_made
from .recipe import StageCall
from .sharing import NESTED, Sharing
from .supernet_stages import OneFit
from .task import Found


class SharedWarmup(OneFit):
    """The hand-made model at every step, an architecture at random, or (`distill`) one between the widest and the smallest."""

    def __init__(self, context: Context, call: StageCall) -> None:
        options = call.options
        nested, distill = options["sharing"] in NESTED, options["distill"] == "widest"
        paths: Callable[[int], tuple[Architecture, ...]] = lambda step: (hand_made(context),)  # noqa: E731
        if distill or options["decisions"] == "random":
            mode = "sandwich" if distill else "uniform"
            paths = paths_of(context, context.decisions, context.fixed, mode, 1)
        self.shared = Sharing(context, call, paths, largest(context, call), nested=nested, distill=distill)
        super().__init__(context, self.shared)

    def figures(self) -> dict[str, Any]:
        fit = self.fit
        return {"epochs": fit.epochs_done, "of_epochs": fit.plan.epochs, "steps": fit.at, "ended_by": fit.ended_by}

    def found(self) -> Found:
        return replace(self.context.found, shared=self.shared.loans.bank.tensors(), weights={}, model={})

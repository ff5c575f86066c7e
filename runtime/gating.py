"""Relaxations that look at what gates multiply: gates are a function of a table, not of logits of their own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Decision

from .cells import Cells, grouped
from .choices import CHANCE, Choices, Fixed, kind
from .module import Model
from .recipe import StageCall
from .refuse import refusal
from .steps import Step

AROUND = 2.0
"""Steps within which the numbers of a group are zero."""


class Gating:
    """The gates of every decision as a relaxation (a module of `relaxations/`) finds them in the tables of a model.

    What is learned besides are thresholds, if the relaxation has any: as many as its `granularity` says.
    """

    def __init__(
        self, decisions: tuple[Decision, ...], relaxation: Any, call: StageCall, model: Model, fixed: Fixed, rate: float
    ) -> None:
        """`rate`: the step size of the weights: an optimizer like Adam never leaves them nearer to zero than that."""
        device = next(iter(model.tensors.values())).device
        self._relaxation, self._options, self._fixed = relaxation, call.options, fixed
        self._tensors, self._rate = model.tensors, rate
        self.cells = {d.name: Cells(model.compiled, d, device) for d in decisions}
        self._kinds = {d.name: kind(d) for d in decisions}
        self._groups: dict[str, Tensor] = {}
        learned: dict[str, Parameter] = {}
        if "granularity" in call.options:
            for decision in decisions:
                group_E, count = grouped(decision, str(call.options["granularity"]))
                self._groups[decision.name] = group_E.to(device)
                learned[decision.name] = Parameter(torch.full((count,), float(call.options["initial"]), device=device))
        self.parameters: Mapping[str, Parameter] = learned
        self.blocks: Mapping[str, Tensor] = {}
        every = {name: frozenset(p.place for p in cells.parts) for name, cells in self.cells.items()}
        self._counts = {name: cells.counts(every[name]).to(device) for name, cells in self.cells.items()}

    def _read(self, name: str) -> tuple[Tensor, Tensor]:
        """Thresholds [E] and what is gated [E]: numbers; or norms, and how large they are where nothing is but steps."""
        if name in self._groups:
            return self.parameters[name].index_select(0, self._groups[name]), self.cells[name].gated(self._tensors)
        norms_E = self.cells[name].norms(self._tensors)
        return AROUND * self._rate * self._counts[name].sqrt(), norms_E

    def _weighed(self, step: Step) -> Choices:
        result: Choices = {}
        for name, form in self._kinds.items():
            weights = self._relaxation.relax(*self._read(name), step, form, self._options)
            result[name] = result[name + CHANCE] = self._fixed.weights(name, weights)
        return result

    def training(self, step: int) -> Choices:
        return self._weighed(Step(step, step + 1))

    @torch.no_grad()
    def settled(self) -> Choices:
        return self._weighed(Step(0, 1, training=False))

    @torch.no_grad()
    def margins(self) -> dict[str, Tensor]:
        """How far every gate is above what would shut it: [E]."""
        return {name: self._relaxation.margin(*self._read(name)) for name in self._kinds}

    @torch.no_grad()
    def opened(self) -> dict[str, Tensor]:
        """Which gates are open: bool [E]."""
        return {
            name: self._fixed.weights(name, (margin_E > 0).float()) > 0 for name, margin_E in self.margins().items()
        }

    @torch.no_grad()
    def lift(self, by: float) -> None:
        """Raise every σ(s) by the same, so that what stays open is what has the largest margins."""
        for parameter in self.parameters.values():
            parameter.copy_((parameter.sigmoid() + by).clamp(max=1 - 1e-6).logit())

    def penalty(self) -> Tensor | None:
        """What the relaxation adds to the loss."""
        of = getattr(self._relaxation, "penalty", None)
        if of is None:
            return None
        parts = [of(c.norms(self._tensors), self._counts[name], self._options) for name, c in self.cells.items()]
        return torch.stack(parts).sum()

    def moved(self, rate: float) -> None:
        """Nothing follows a step."""


def reads_tables(call: StageCall) -> bool:
    """Whether a relaxation looks at what gates multiply."""
    module = import_module(f"{__package__}.relaxations.{call.options['as']}")
    return bool(module.promise.gated)


def check(compiled: Compiled, decisions: tuple[Decision, ...], call: StageCall) -> None:
    """Raises SpaceError (S0605) for gates that multiply no table, or something else too."""
    single = "granularity" in call.options
    for decision in decisions:
        cells = Cells(compiled, decision, torch.device("cpu")) if decision.per_value else None
        if cells is not None and cells.parts and not (single and cells.most > 1):
            continue
        why = "its gates multiply no table of embeddings, or something else reads that table too"
        if cells is not None and cells.parts:
            why = f"a gate multiplies {cells.most} numbers of tables, and has one threshold"
        text = f"relax(as = {call.options['as']}) cannot search `{decision.name}`: {why}"
        help = "write embed(f, n) * keep[f, value(f), :], and read nothing but that product"
        raise refusal("S0605", text, call.span, help=help)

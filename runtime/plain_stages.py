"""Stages that train a plain model: the hand-made one, the derived one, or that of a space with nothing to choose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision, opened

from .bank import borrow
from .choices import tensors_of
from .choosing import Choosing, Constant, Gates
from .context import Context, with_defaults
from .evaluation import scores
from .extension import join
from .module import Model, transfer
from .plan import BASELINE
from .recipe import StageCall
from .state import copied
from .supernet_stages import Fitting
from .task import Found


class Train(Fitting):
    """The plain model with every decision as settled, or at its default. The hand-made model that a search is compared
    with need not meet the requirements of the space."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self.architecture = context.found.architecture
        if self.architecture is None:
            self.architecture = hand_made(context)
        compile_ = context.free if context.stage == BASELINE and context.free is not None else context.factory
        model = context.model(compile_(self.architecture))
        self._joined: dict[str, Any] = {}
        if context.base is not None:
            self._joined = {"new_weights": len(join(context.base, model)), "before": judged(context, model)}
        super().__init__(context, context.fit(model, Constant({}, context.device), call, "optimizer"))

    def figures(self) -> dict[str, Any]:
        """`before`: of a model that goes on from a finished one, figures of the test rows before it was trained on."""
        return {**super().figures(), **self._joined}

    def found(self) -> Found:
        return replace(
            self.context.found, architecture=self.architecture, gates={}, model=copied(self.fit.model.tensors)
        )


def judged(context: Context, model: Model) -> dict[str, float]:
    """Figures of the test rows (of validation rows where there are none): for the report, never for a decision."""
    rows = context.examples.test if context.examples.test.numel() else context.examples.valid
    examples = context.examples.of(model.compiled.columns)
    found = scores(model, examples, rows, {}, context.settings.evaluation_rows) if rows.numel() else {}
    return {name: value for name, value in found.items() if math.isfinite(value)}


class Retrain(Fitting):
    """The derived model, its kept gates at 1, at the search's weights, or learned on from these."""

    def __init__(self, context: Context, call: StageCall) -> None:
        found = context.found
        self.architecture = found.architecture if found.architecture is not None else hand_made(context)
        gates = kept(context.decisions, found, self.architecture) if call.options["gates"] != "none" else found.gates
        compiled = context.plain(self.architecture, frozenset(gates))
        model = context.model(compiled)
        if call.options["rewind"]:
            start = context.model(context.supernet)
            transfer(start.tensors, context.supernet, model)
        elif call.options["from"] == "search":
            inherit(context, model)
        present = for_model(context.decisions, compiled, gates)
        trained = call.options["gates"] == "trained"
        choosing: Choosing = Gates(present, context.device) if trained else Constant(present, context.device)
        self._gates = gates
        decisions = with_defaults("adam") if trained else None
        super().__init__(context, context.fit(model, choosing, call, "optimizer", decisions=decisions))

    def found(self) -> Found:
        learned = copied(tensors_of(self.fit.choosing.settled()))
        gates = {**self._gates, **for_space(self.context.decisions, self.fit.model.compiled, learned)}
        return replace(
            self.context.found, architecture=self.architecture, gates=gates, model=copied(self.fit.model.tensors)
        )


def hand_made(context: Context) -> Architecture:
    """Every decision at its default, or as it was fixed."""
    return context.fixed.architecture({d.name: d.hand_made for d in context.decisions})


def kept(decisions: tuple[Decision, ...], found: Found, architecture: Architecture) -> dict[str, Tensor]:
    """Weights [elements] that a raw relaxation left to the gates, 0 where the architecture dropped them."""
    if not found.raw:
        return {}
    gates = {d.name for d in decisions if d.domains[0].kind == "gate"} & set(found.weighing) & set(architecture)
    return {name: found.weighing[name] * torch.from_numpy(opened(architecture[name])) for name in sorted(gates)}


def for_model(decisions: tuple[Decision, ...], compiled: Compiled, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gate weights in the order of the elements that a derived model has left."""
    return {
        left.name: gates[left.name][torch.tensor(places(decisions, left), dtype=torch.long)]
        for left in compiled.decisions
        if left.name in gates
    }


def for_space(decisions: tuple[Decision, ...], compiled: Compiled, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `for_model`: 0 for elements that the derived model does not have."""
    result = {}
    whole = {d.name: d for d in decisions}
    for left in compiled.decisions:
        if left.name in gates:
            full = torch.zeros(whole[left.name].elements)
            full[torch.tensor(places(decisions, left), dtype=torch.long)] = gates[left.name]
            result[left.name] = full
    return result


def places(decisions: tuple[Decision, ...], left: Decision) -> list[int]:
    """Where the elements of a decision of a derived model stand in that of the space."""
    whole = next(d for d in decisions if d.name == left.name)
    if whole.keys is None or left.keys is None or whole.keys == left.keys:
        return list(range(left.elements))
    position = {key: k for k, key in enumerate(whole.keys)}
    return [position[key] for key in left.keys]


def inherit(context: Context, model: Model) -> None:
    """Give a derived model the weights of the supernet, or those that were shared; what these do not have stays at its
    start."""
    if context.found.shared:
        borrow(context.found.shared, model)
    elif context.found.weights:
        transfer(context.found.weights, context.supernet, model)

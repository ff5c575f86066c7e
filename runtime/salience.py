"""salience: how much the loss would change if a gate were shut, by the gradient at gates that are all open.

SSEDS (Qu et al., SIGIR 2022): |∂L/∂mask| at mask = 1, of all gates in one backward pass. The gates stand where they
multiply; conditions on them (`e if all(keep[f, :]) else …`) are those of the model with every gate open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .choices import kind
from .context import Context
from .module import Model
from .negatives import Negatives
from .plain_stages import for_model, for_space, inherit
from .randomness import order
from .recipe import StageCall
from .refuse import refusal
from .state import State, copied
from .task import Found
from .training import batches, sum_of


class Salience:
    """The mean over validation batches of the size of a gate's gradient; one batch a step. Raises SpaceError (S0611)
    without validation rows."""

    def __init__(self, context: Context, call: StageCall) -> None:
        self.context, self.call, self.at = context, call, 0
        rows = context.examples.valid
        if not rows.numel():
            help = "give the split a valid part"
            raise refusal("S0611", "salience() reads the loss of validation rows", call.span, help=help)
        self._gates = tuple(d for d in context.decisions if kind(d).name == "gate" and not d.given)
        self._model = self._open()
        self._examples = context.examples.of(self._model.compiled.columns)
        count = batches(rows.numel(), int(call.options["batch_size"]))
        shuffled = rows[order(rows.numel(), context.seed, context.stage, 0)]
        asked = call.options["batches"]
        self._parts = shuffled.tensor_split(count)[: count if asked == "all" else int(asked)]
        ranking, catalogue = self._model.compiled.ranking, context.examples.catalogue
        self._negatives = Negatives(catalogue, context.examples.train, ranking) if ranking and catalogue else None
        self._total = {d.name: torch.zeros(d.elements) for d in self._gates}
        self._hurried = False

    def _open(self) -> Model:
        """The plain model with every gate open, its gates weights, and what the supernet has learned in it."""
        context = self.context
        architecture = {
            d.name: (b"\x01" * d.elements if d.packed else (1,) * d.elements) if d in self._gates else d.hand_made
            for d in context.decisions
        }
        compile_ = context.free or context.factory
        names = frozenset(d.name for d in self._gates)
        model = context.model(compile_(context.fixed.architecture(architecture), names))
        inherit(context, model)
        return model

    @property
    def steps(self) -> int:
        return len(self._parts)

    @property
    def done(self) -> bool:
        return self.at >= self.steps or self._hurried

    def step(self) -> Mapping[str, float]:
        context, rows = self.context, self._parts[self.at]
        ones = {d.name: torch.ones(d.elements) for d in self._gates}
        present = for_model(context.decisions, self._model.compiled, ones)
        gates = {name: own.to(context.device).requires_grad_() for name, own in present.items()}
        batch = self._examples.batch(rows)
        if self._negatives is not None:
            batch |= self._negatives.columns(rows, context.seed, context.stage, self.at)
        self._model.module.eval()
        _, terms = self._model.objective(batch, gates, {})
        gradients = torch.autograd.grad(sum_of(terms), list(gates.values()), allow_unused=True)
        sizes = {n: g.detach().abs().cpu() for n, g in zip(gates, gradients, strict=True) if _reached(g)}
        for name, own in for_space(context.decisions, self._model.compiled, sizes).items():
            self._total[name] += own
        self.at += 1
        return {}

    def hurry(self) -> None:
        """What has been seen has to do; one batch at least."""
        if self.at == 0:
            self.step()
        self._hurried = True

    def state(self) -> State:
        return State(copied(self._total), {"at": self.at, "hurried": self._hurried})

    def restore(self, state: State) -> None:
        self.at, self._hurried = int(state.facts["at"]), bool(state.facts["hurried"])
        self._total = dict(state.tensors)

    def figures(self) -> dict[str, Any]:
        """`batches`: how many were looked at; `silent`: gates that the loss does not feel, of every decision."""
        silent = {name: int((total == 0).sum()) for name, total in self._total.items()}
        return {"batches": self.at, "silent": silent}

    def found(self) -> Found:
        weighing = {name: total / max(self.at, 1) for name, total in self._total.items()}
        return replace(
            self.context.found,
            weighing=weighing,
            untempered={},
            raw=False,
            margins=True,
            architecture=None,
            gates={},
            model={},
        )


def _reached(gradient: Tensor | None) -> bool:
    """torch's types do not say that a gradient may be missing."""
    return gradient is not None

"""stream: a stage that goes through the training rows in time order, each window predicted before it is learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.known import CURRENT

from .choices import Choices, Weigher
from .choosing import Choosing, Constant, Relaxed
from .context import Context, with_defaults
from .enlarging import Enlarging, Sizes, ladder_of
from .fitting import batch_size
from .flow import Flow, flow_of
from .plain_stages import hand_made
from .recipe import StageCall
from .refuse import refusal
from .shares import of_values
from .state import copied
from .streaming import Rules, Streamed
from .supernet_stages import Fitting, searched
from .task import Found
from .training import Fit

TOLD = 50
"""Windows that a report lists, at most."""


def flow_in(context: Context, call: StageCall, inner: StageCall) -> Flow:
    """The training rows in time order. Raises SpaceError (S0653) where nothing says when rows happened."""
    time = context.examples.encoded.time
    if time is None:
        text = "a stream needs to know when rows happened, and the data do not say it"
        help = "write `time: COLUMN` in the data block, or split by it: split: time(COLUMN)"
        raise refusal("S0653", text, call.span, help=help)
    epochs = context.settings.epochs or (int(inner.options["epochs"]) if "epochs" in inner.given else 1)
    rows = torch.cat([context.examples.train, context.examples.stopping]).sort().values
    return flow_of(
        rows, time, call.options["window"], batch_size(inner.options["batch_size"], rows.numel(), epochs), epochs
    )


def rules_of(call: StageCall, inner: StageCall) -> Rules:
    options = call.options
    lag = int(inner.options.get("lag", 0))
    return Rules(options["new_values"] == "mean", options["warm_start"] == "last", float(options["distill"]), lag)


class Streaming(Fitting):
    """`fit` is a `Streamed`."""

    fit: Streamed

    def __init__(self, context: Context, fit: Fit) -> None:
        assert isinstance(fit, Streamed)
        super().__init__(context, fit)

    def figures(self) -> dict[str, Any]:
        """`before_learning`: what was predicted of rows before they were learned from, of all windows but the first."""
        fit = self.fit
        windows = [{k: v for k, v in line.items() if k != "loss"} for line in fit.history[1:]]
        return {
            "windows": len(fit.flow.windows),
            "windows_done": len(fit.history),
            "steps": fit.at,
            "ended_by": fit.ended_by,
            "before_learning": fit.judged(),
            "by_window": windows if len(windows) <= TOLD else windows[:: -(-len(windows) // TOLD)],
        }


class StreamTrain(Streaming):
    """The plain model with every decision as settled, or at its default (IncCTR)."""

    def __init__(self, context: Context, call: StageCall, inner: StageCall) -> None:
        self.architecture = context.found.architecture or hand_made(context)
        model = context.model(context.factory(self.architecture))
        make = partial(Streamed, flow_in(context, call, inner), rules_of(call, inner), context.seed)
        super().__init__(context, context.fit(model, Constant({}, context.device), inner, "optimizer", make=make))

    def found(self) -> Found:
        model = copied(self.fit.model.tensors)
        return replace(self.context.found, architecture=self.architecture, gates={}, model=model)


class StreamRelax(Streaming):
    """The supernet and its decisions: together, or decisions by the batch before (AutoEmb)."""

    def __init__(self, context: Context, call: StageCall, inner: StageCall) -> None:
        flow = flow_in(context, call, inner)
        relaxation = import_module(f"{__package__}.relaxations.{inner.options['as']}")
        self.choosing: Choosing = Relaxed(
            context.decisions, relaxation, inner.options, len(flow.batches), context.fixed, context.seed, context.stage,
            context.device,
        )  # fmt: skip
        decisions = inner.options["optimizer"] or with_defaults("adam", lr=min(0.1, max(0.001, 3 / len(flow.batches))))
        make = partial(Remembering, flow, rules_of(call, inner), context.seed)
        bilevel = inner.options["bilevel"] == "first_order"
        fit = context.fit(
            context.supernet_model(), self.choosing, inner, "weights", bilevel=bilevel, decisions=decisions,
            shaping=self.choosing, make=make,
        )  # fmt: skip
        super().__init__(context, fit)

    def found(self) -> Found:
        context, fit = self.context, self.fit
        settled, batch = fit.choosing.settled(), context.settings.evaluation_rows
        given = of_values(fit.model, context.examples.of(fit.model.compiled.columns), settled, context.decisions, batch)
        own = {n: w for n, w in settled.items() if isinstance(w, Tensor) and ":" not in n}
        return searched(context.found, fit, copied({**own, **given}))


class StreamPolicy(Streaming):
    """The supernet with a width for each value, which a policy enlarges (ESAPN)."""

    def __init__(self, context: Context, call: StageCall, inner: StageCall) -> None:
        model = context.supernet_model()
        ladders = tuple(ladder_of(model.compiled, d, inner) for d in context.decisions)
        sizes = Sizes(ladders, context.fixed, context.device)
        make = partial(Enlarging, ladders, inner, flow_in(context, call, inner), rules_of(call, inner), context.seed)
        super().__init__(context, context.fit(model, sizes, inner, "weights", make=make))

    def figures(self) -> dict[str, Any]:
        """`enlarged`: how often a policy has done so."""
        assert isinstance(self.fit, Enlarging)
        return {**super().figures(), "enlarged": dict(self.fit.moves)}

    def found(self) -> Found:
        settled = self.fit.choosing.settled()
        options = {name: tuple(w.argmax(-1).tolist()) for name, w in settled.items() if isinstance(w, Tensor)}
        weights = copied(self.fit.model.tensors)
        return replace(self.context.found, architecture=options, weights=weights, weighing={}, gates={}, model={})


@dataclass(slots=True)
class Noted:
    """A weigher that keeps what it has answered for elements."""

    weigher: Weigher
    answers: list[tuple[Tensor, Tensor]]

    def __call__(self, logits: Tensor, noise: Tensor | None, at: Tensor | None = None) -> Tensor:
        weights = self.weigher(logits, noise, at)
        if at is not None:
            self.answers.append((at.flatten(), weights.detach().flatten(0, at.dim() - 1)))
        return weights

    def chance(self, logits: Tensor) -> Tensor:
        return self.weigher.chance(logits)


class Remembering(Streamed):
    """Keeps what is decided for the values of each batch, where the logits of the next are given by it (`current`)."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._noted: dict[str, list[tuple[Tensor, Tensor]]] = {
            part.name: [] for stored in self.model.compiled.tensors for part in stored.slices if part.layer == CURRENT
        }

    def _choices(self, name: str) -> Choices:
        choices = super()._choices(name)
        if name != "train":
            return choices
        noted = ((n, w) for n, w in choices.items() if n in self._noted and not isinstance(w, Tensor))
        return {**choices, **{n: Noted(w, self._noted[n]) for n, w in noted}}

    @torch.no_grad()
    def after(self) -> None:
        for stored in self.model.compiled.tensors:
            for part in stored.slices:
                if part.layer == CURRENT:
                    for at_P, weights in self._noted[part.name]:
                        element, first = firsts(at_P)
                        self.model.tensors[stored.attribute][element] = weights[first]
                    self._noted[part.name].clear()


def firsts(at_P: Tensor) -> tuple[Tensor, Tensor]:
    """The elements that are there (not −1), rising, and the place where each stands first."""
    element, place = torch.unique(at_P, return_inverse=True)
    first = torch.full((len(element),), len(at_P), device=at_P.device)
    first = first.scatter_reduce(0, place, torch.arange(len(at_P), device=at_P.device), "amin")
    return element[element >= 0], first[element >= 0]

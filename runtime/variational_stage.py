"""variational(…): weights and selections inferred in turn by stochastic gradient variational Bayes (BP-FIS, SIGIR 2019).

What is minimised is the negative evidence bound for one training row: the loss of a draw + KL / N, over N rows. In an
epoch of the weights these move and the KL is that of their posteriors; in one of the selections the logits of gates
move, and the KL is that of the gates. Both are drawn in either.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.compiled import Compiled

from .choices import Choices
from .context import Context, optimizer, with_defaults
from .posterior import Normal, Posterior
from .recipe import StageCall
from .refuse import refusal
from .state import copied
from .supernet_stages import Fitting
from .task import Found
from .training import Fit, Plan, batches, clipped

SELECTION_LR = 0.01


class Inferred:
    """What a `Fit` sees of both posteriors: their parameters, and draws of the gates."""

    def __init__(self, gates: Posterior, weights: Normal) -> None:
        self.gates, self.weights = gates, weights
        self.parameters: Mapping[str, Parameter] = {**gates.parameters, **weights.parameters}

    def training(self, step: int) -> Choices:
        return self.gates.training(step)

    def settled(self) -> Choices:
        return self.gates.settled()

    def likely(self) -> Choices:
        """How likely gates are open, and options are taken."""
        return dict(self.gates.chances())


class Inference(Fit):
    """A `Fit` whose epochs are of the weights, or of the selections where `turns` says True."""

    sparse = False
    inferred: Inferred
    turns: tuple[bool, ...]
    samples: int
    divergence: float

    @property
    def selecting(self) -> bool:
        return self.turns[min(self.at // self.steps_an_epoch, len(self.turns) - 1)]

    def _learn(self) -> float:
        batch = self._batch(self._examples.train, "train")
        wanted = dict(self.inferred.gates.parameters) if self.selecting else dict(self.model.parameters)
        total: dict[str, Tensor] = {}
        loss = 0.0
        for number in range(self.samples):
            drawn, gradients = self._draw(batch, wanted, number)
            loss += drawn / self.samples
            for name, gradient in gradients.items():
                total[name] = total[name] + gradient / self.samples if name in total else gradient / self.samples
        if self.selecting:
            if self._decisions is not None:
                self._decisions.step(clipped(total, self.plan.clip), self._rate())
            return loss
        divergence = self.divergence * self.inferred.weights.divergence() / self._rows_trained
        loss += float(divergence.detach())
        for name, gradient in self._gradients(divergence, {**wanted, **self.inferred.weights.parameters}).items():
            total[name] = total[name] + gradient if name in total else gradient
        self._weights.step(clipped(total, self.plan.clip), self._rate())
        return loss

    @property
    def _rows_trained(self) -> int:
        return max(1, self._examples.train.numel())

    def _draw(
        self, batch: dict[str, Tensor], wanted: Mapping[str, Parameter], number: int
    ) -> tuple[float, dict[str, Tensor]]:
        """The loss of one draw of weights and gates, and its gradients: with those of the gates' divergence in an epoch
        of selections, with those of the weights' scales in one of weights."""
        normal = self.inferred.weights
        noise = normal.noise(self.at, number)
        choices, divergence = self.inferred.gates.draw(self.at, number, inferring=self.selecting)
        before = normal.move(noise)
        try:
            loss = self._loss_of(batch, choices, f"train/{number}" if number else "train")
            if self.selecting:
                loss = loss + self.divergence * divergence / self._rows_trained
            gradients = self._gradients(loss, wanted)
        finally:
            normal.put_back(before)
        if not self.selecting:
            gradients |= normal.of_scales(gradients, noise)
        return float(loss.detach()), gradients


class Variational(Fitting):
    """The supernet, its gates and the weights that have a posterior."""

    def __init__(self, context: Context, call: StageCall) -> None:
        options = call.options
        model = context.supernet_model()
        gates = Posterior(
            context.graph,
            context.decisions,
            context.fixed,
            float(options["start"]),
            float(options["temperature"]),
            context.seed,
            context.stage,
            context.device,
        )
        names = attributes(model.compiled, call)
        weights = Normal(
            {name: model.parameters[name] for name in names}, float(options["scale"]), context.seed, context.stage
        )
        turns = in_turn(context.epochs(call), selection_epochs(context, call))
        batch_size = context.batch_size(call)
        steps_an_epoch = batches(context.examples.train.numel(), batch_size)
        plan = Plan(context.stage, len(turns), batch_size, str(options["decay"]), float(options["clip"]))
        inferred = Inferred(gates, weights)
        selecting = sum(turns)
        moved: Mapping[str, Parameter] = {**model.parameters, **weights.parameters}
        fit = Inference(
            model,
            inferred,
            context.examples.of(model.compiled.columns),
            plan,
            context.settings,
            optimizer(
                options["optimizer"],
                moved,
                dict.fromkeys(model.embeddings, sys.maxsize),
                (len(turns) - selecting) * steps_an_epoch,
            ),
            optimizer(
                options["selections"] or with_defaults("adam", lr=SELECTION_LR),
                gates.parameters,
                {},
                selecting * steps_an_epoch,
            ),
        )
        fit.inferred, fit.turns = inferred, turns
        fit.samples, fit.divergence = int(options["samples"]), float(options["kl"])
        self.gates = gates
        super().__init__(context, fit)

    def figures(self) -> dict[str, Any]:
        """`chance_on`: of gates, on average; `chosen`: of choices, how many elements have each option as their likeliest."""
        chances = self.gates.chances()
        on = {name: float(p.mean()) for name, p in chances.items() if p.ndim == 1}
        chosen = {n: p.argmax(-1).bincount(minlength=p.shape[-1]).tolist() for n, p in chances.items() if p.ndim > 1}
        return {**super().figures(), "chance_on": on, **({"chosen": chosen} if chosen else {})}

    def found(self) -> Found:
        return replace(
            self.context.found,
            weights=copied(self.fit.model.tensors),
            weighing=copied(self.gates.chances()),
            untempered={},
            raw=False,
            architecture=None,
            gates={},
            model={},
        )


def selection_epochs(context: Context, call: StageCall) -> int:
    """As the recipe says; where the epochs of weights are others than there, in the same proportion, at least one."""
    epochs = int(call.options["epochs"])
    return max(1, round(int(call.options["selection_epochs"]) * context.epochs(call) / epochs))


def in_turn(weights: int, selections: int) -> tuple[bool, ...]:
    """Which epochs are of the selections: the k-th of S follows ⌈k W / S⌉ epochs of the weights, so that both are spread
    over the stage, weights come first and selections last."""
    found: list[bool] = []
    for k in range(1, selections + 1):
        found += [False] * (-(-k * weights // selections) - found.count(False))
        found.append(True)
    return tuple(found)


def named(call: StageCall) -> list[str]:
    """The tensors that have a posterior, as the recipe has them."""
    given = call.options["weights"]
    return [str(n) for n in given] if isinstance(given, list) else [str(given)]


def attributes(compiled: Compiled, call: StageCall) -> list[str]:
    """Attributes of the tensors that the recipe names. Raises SpaceError (S0603) for one that no prediction reads."""
    owners = {s.layer: t.attribute for t in compiled.tensors for s in t.slices if t.trainable and s.name == "value"}
    for name in named(call):
        if name not in owners:
            text = f"nothing that is predicted reads `{name}`, so nothing can be inferred of it"
            raise refusal("S0603", text, call.spans.get("weights", call.span))
    return [owners[name] for name in named(call)]

"""The one training loop: every stage that trains anything drives a `Fit`, one step at a time.

A step: with `bilevel`, first the decisions by a validation batch; then the weights by a training batch (and in the same
backward pass the decisions, where the level is one). Rows of an epoch are visited in an order drawn for it and divided
into batches of almost equal size, so that no row is left out and no batch is tiny.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from .choices import Choices
from .choosing import Choosing, give_back, held
from .evaluation import Figures, goodness, scores
from .examples import Examples
from .module import Model
from .negatives import Negatives
from .randomness import noises, order
from .second_order import Ahead, Loss, hypergradient, objective_at, task_loss
from .settings import Settings
from .shaping import Shaping, normalized
from .state import State, copied, joined
from .tiles import FEWEST, added, kept_by, rows_of, tiles
from .updates import Update, by_rows, in_rows

LEAST = 100
"""Steps that early stopping waits at least: embeddings start near 0, and few steps of Adam do not move them from there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be trained.

    `stage` names its random streams. `decay`: the factor on the step size at step s of S: 1, (1 + cos(π s / S)) / 2 or
    1 − s / S. `clip`: largest norm of the weights' gradients, 0 for any. `patience`: epochs without a better `metric`
    on the stopping rows, after which training ends, though not within `LEAST` steps of the best one; the best epoch's
    weights are kept; 0: neither. `bilevel`: decisions are learned on validation rows, at every `every`-th step;
    `normalize`: by gradients divided by their mean size; `ahead`: a step of the weights ahead.
    """

    stage: str
    epochs: int
    batch_size: int
    decay: str = "none"
    clip: float = 0.0
    patience: int = 0
    metric: str = "auc"
    bilevel: bool = False
    every: int = 1
    normalize: bool = False
    ahead: Ahead | None = None


class Diverged(Exception):
    """A loss or gradient that is not finite, found before any weight was moved."""

    def __init__(self, stage: str, step: int, what: str) -> None:
        super().__init__(f"the {what} of step {step} of {stage} is not finite")
        self.stage, self.step, self.what = stage, step, what


class Fit:
    """A model in training. `sparse`: whether gradients of tables may hold the rows alone that a step has touched."""

    sparse = True

    def __init__(
        self,
        model: Model,
        choosing: Choosing,
        examples: Examples,
        plan: Plan,
        settings: Settings,
        weights_update: Update,
        decisions_update: Update | None,
        upper: frozenset[str] = frozenset(),
        shaping: Shaping | None = None,
        step_size: float = 0.0,
    ) -> None:
        """`upper`: parameters of the model that `decisions_update` moves with the decisions, as `weights:NAME`.
        `step_size`: of the weights, for looking a step ahead."""
        self._shaping, self._step_size = shaping, step_size
        self.model, self.choosing, self.plan = model, choosing, plan
        self._examples, self._settings = examples, settings
        self._weights, self._decisions, self._upper = weights_update, decisions_update, upper
        self._objective: Callable[..., Any] = model.objective
        if settings.compile:
            self._objective = torch.compile(self._objective)
        ranking, catalogue = model.compiled.ranking, examples.catalogue
        self._negatives = Negatives(catalogue, examples.train, ranking) if ranking and catalogue else None
        self.steps_an_epoch = batches(examples.train.numel(), plan.batch_size)
        self.at, self.ended, self.history = 0, False, list[dict[str, float]]()
        self.ended_by = ""
        self._sparse = self.sparse and by_rows(weights_update) and plan.ahead is None and not settings.compile
        self._loss_sum, self._kept = 0.0, cast("int | None", None)
        self._order_of: dict[str, tuple[int, Tensor]] = {}
        self._best: tuple[float, int, dict[str, Tensor]] | None = None

    @property
    def steps(self) -> int:
        return self.plan.epochs * self.steps_an_epoch

    @property
    def epochs_done(self) -> int:
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        return self._best[1] if self._best is not None else self.epochs_done

    @property
    def loss_so_far(self) -> tuple[float, int] | None:
        """The mean loss of the steps of the epoch at hand, and how many; of the last epoch where that has just ended."""
        if self.at % self.steps_an_epoch and not self.ended:
            return self._loss_sum / (self.at % self.steps_an_epoch), self.at % self.steps_an_epoch
        return (self.history[-1]["loss"], self.steps_an_epoch) if self.history else None

    def step(self) -> Figures:
        """One step, and at the end of an epoch the evaluation that early stopping needs. Raises Diverged."""
        if self._decisions is not None and self.plan.bilevel and self.at % self.plan.every == 0:
            self._decide()
        self._loss_sum += self._learn()
        self.at += 1
        if self.at % self.steps_an_epoch == 0:
            return self._close_epoch(self.steps_an_epoch)
        return {}

    def hurry(self, why: str = "hours") -> None:
        """End now, as if this step had been the last one."""
        if not self.ended:
            partial = self.at % self.steps_an_epoch
            if partial or not self.history:
                self._close_epoch(max(partial, 1))
            self._finish(why)

    def _learn(self) -> float:
        """A step of the weights, and of the decisions where both are one level; the loss."""
        together = self._decisions is not None and not self.plan.bilevel
        wanted = {n: p for n, p in self.model.parameters.items() if n not in self._upper}
        learned = self._learned() if together else {}
        parameters = {**wanted, **{f"choices:{n}": p for n, p in learned.items()}}
        loss, gradients = self._judged(self._examples.train, "train", parameters)
        ours = {name: gradient for name, gradient in gradients.items() if name in wanted}
        theirs = {n: gradients[f"choices:{n}"] for n in learned if f"choices:{n}" in gradients}
        self._weights.step(clipped(ours, self.plan.clip), self._rate())
        if self._decisions is not None and theirs and self.at % self.plan.every == 0:
            self._decisions.step(self._scaled(theirs), 1.0)
        if self._shaping is not None:
            self._shaping.moved(self._rate())
        return loss

    def _learned(self) -> dict[str, Parameter]:
        """What belongs to the decisions: their logits, and weights of the upper level."""
        upper = {upper_name(name): self.model.parameters[name] for name in sorted(self._upper)}
        return {**self.choosing.parameters, **upper}

    def _decide(self) -> None:
        """A step of the decisions on validation rows: the weights held as they are (first order), or a step ahead."""
        if self.plan.ahead is not None:
            gradients = self._ahead(self.plan.ahead)
        else:
            _, gradients = self._judged(self._examples.valid, "valid", self._learned())
        if self._decisions is not None:
            self._decisions.step(self._scaled(gradients), 1.0)
        if self._shaping is not None:
            self._shaping.moved(0.0)

    def _ahead(self, ahead: Ahead) -> dict[str, Tensor]:
        """Gradients of the decisions after a step of the weights on the batch that they will learn from next."""
        batches = {name: self._batch(rows, name) for name, rows in self._parts.items()}
        lower = {n: p for n, p in self.model.parameters.items() if n not in self._upper}

        def loss_of(name: str, judged: str) -> Loss:
            def loss(weights: Mapping[str, Tensor]) -> Tensor:
                objective = objective_at(self.model, weights)
                return self._loss_of(batches[name], self.choosing.training(self.at), name, objective, judged)

            return loss

        step = (self._step_size if ahead.step is None else ahead.step) * self._rate()
        train, valid = loss_of("train", "objective"), loss_of("valid", ahead.judged)
        gradients = hypergradient(train, valid, lower, self._learned(), step, ahead.hessian)
        if gradients and not math.isfinite(float(norm(gradients))):
            raise Diverged(self.plan.stage, self.at, "gradient")
        return gradients

    @property
    def _parts(self) -> dict[str, Tensor]:
        return {"train": self._examples.train, "valid": self._examples.valid}

    def _judged(self, rows: Tensor, name: str, parameters: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """The loss of this step's batch of some rows, and its gradients by name: tile by tile, where that is quicker."""
        batch, choices = self._batch(rows, name), self._choices(name)
        parts = tiles(batch, self._noise(batch, name), self._tile_rows(batch, choices, parameters))
        total, gradients = 0.0, dict[str, Tensor]()
        for tile in parts:
            loss = self._loss_of(tile.batch, choices, name, noise=tile.noise)
            found = self._gradients(loss, parameters, tile.share, again=tile is not parts[-1])
            gradients = found if len(parts) == 1 else added(gradients, found)
            total += tile.share * float(loss.detach())
        return total, gradients

    def _choices(self, name: str) -> Choices:
        """The weights of decisions at this step; `name`: of the rows that they are for."""
        return self.choosing.training(self.at)

    def _tile_rows(self, batch: Mapping[str, Tensor], choices: Choices, parameters: Mapping[str, Tensor]) -> int:
        """Examples of a tile of this batch. What an example keeps is counted once, of the first training rows: the same
        whenever a run goes on."""
        size = next(iter(batch.values())).shape[0]
        if not self.model.compiled.tiled or size <= FEWEST or self._examples.encoded.device.type != "cpu":
            return size
        if self._settings.tile:
            return min(size, self._settings.tile)
        if self._kept is None:
            probe = self._examples.batch(self._examples.train[:FEWEST])
            noise = self._noise(probe, "tile")
            held = (*self.model.tensors.values(), *parameters.values(), *probe.values())
            kept = kept_by(lambda: self._loss_of(probe, choices, "tile", self.model.objective, noise=noise), held)
            self._kept = kept // max(1, next(iter(probe.values())).shape[0])
        return rows_of(self._kept, sum(p.numel() * p.element_size() for p in parameters.values()), size)

    def _batch(self, rows: Tensor, name: str) -> dict[str, Tensor]:
        """The examples of this step, with the alternatives that a ranking loss compares them with."""
        chosen = self._rows(rows, name)
        batch = self._examples.batch(chosen)
        if self._negatives is not None:
            batch |= self._negatives.columns(chosen, self._settings.seed, f"{self.plan.stage}/{name}", self.at)
        return batch

    def _loss_of(
        self,
        batch: Mapping[str, Tensor],
        choices: Choices,
        name: str,
        objective: Callable[..., Any] | None = None,
        judged: str = "objective",
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        prediction, terms = self._answered(batch, choices, name, objective, noise)
        if judged == "task":
            terms = (task_loss(self._examples.task, prediction, batch),)
        penalty = None if self._shaping is None else self._shaping.penalty()
        return sum_of(terms if penalty is None else (*terms, penalty))

    def _answered(
        self,
        batch: Mapping[str, Tensor],
        choices: Choices,
        name: str,
        objective: Callable[..., Any] | None = None,
        noise: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Predictions, and the terms that are minimised; `objective`: at other weights than the model's."""
        device = self._examples.encoded.device
        module = cast("Any", self.model.module.train())
        module.sparse = self._sparse and objective is None
        noise = self._noise(batch, name) if noise is None else noise
        with torch.autocast(device.type, torch.bfloat16, enabled=self._settings.amp):
            prediction, terms = (objective or self._objective)(batch, choices, noise)
        module.sparse = False
        return prediction, terms

    def _noise(self, batch: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
        """Noise of the two levels differs: the stage's name is told apart by the rows it is for."""
        self.model.module.train()
        shapes, device = self.model.noise_shapes(batch), self._examples.encoded.device
        return noises(shapes, self._settings.seed, f"{self.plan.stage}/{name}", self.at, device)

    @torch.no_grad()
    def loss(self, rows: Tensor, choices: Choices) -> float:
        """What is minimized, over some rows, in evaluation mode."""
        self.model.module.eval()
        total = 0.0
        for part in torch.split(rows, self._settings.evaluation_rows):
            batch = self._examples.batch(part)
            if self._negatives is not None:
                batch |= self._negatives.columns(part, self._settings.seed, f"{self.plan.stage}/asked", 0)
            _, terms = self._objective(batch, choices, {})
            total += float(sum_of(terms)) * part.numel()
        return total / max(rows.numel(), 1)

    def _rows(self, rows: Tensor, name: str) -> Tensor:
        """The rows of this step: batch `at` of the endless sequence of epochs over them."""
        count = batches(rows.numel(), self.plan.batch_size)
        epoch, number = divmod(self.at, count)
        return rows[self._order(rows.numel(), name, epoch).tensor_split(count)[number]]

    def _order(self, count: int, name: str, epoch: int) -> Tensor:
        if self._order_of.get(name, (-1, None))[0] != epoch:
            shuffled = order(count, self._settings.seed, f"{self.plan.stage}/{name}", epoch)
            self._order_of[name] = (epoch, shuffled)
        return self._order_of[name][1]

    def _gradients(
        self, loss: Tensor, parameters: Mapping[str, Tensor], share: float = 1.0, again: bool = False
    ) -> dict[str, Tensor]:
        """Gradients by name, without those that the loss does not reach; all finite. `share`: of the loss, that they are
        of; `again`: what it is made of is needed once more."""
        if not math.isfinite(float(loss.detach())):
            raise Diverged(self.plan.stage, self.at, "loss")
        found: tuple[Tensor, ...] = ()
        if loss.requires_grad:
            part = loss if share == 1 else share * loss
            found = torch.autograd.grad(part, list(parameters.values()), allow_unused=True, retain_graph=again or None)
        gradients = {
            n: in_rows(g) if g.is_sparse else g for n, g in zip(parameters, found, strict=bool(found)) if reached(g)
        }
        if gradients and not math.isfinite(float(norm(gradients))):
            raise Diverged(self.plan.stage, self.at, "gradient")
        return gradients

    def _scaled(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        if not self.plan.normalize:
            return gradients
        blocks = {} if self._shaping is None else self._shaping.blocks
        return {name: normalized(gradient, blocks.get(name)) for name, gradient in gradients.items()}

    def _rate(self) -> float:
        match self.plan.decay:
            case "cosine":
                return (1 + math.cos(math.pi * self.at / self.steps)) / 2
            case "linear":
                return 1 - self.at / self.steps
            case _:
                return 1.0

    def _close_epoch(self, steps: int) -> Figures:
        figures: Figures = {"loss": self._loss_sum / steps}
        self._loss_sum = 0.0
        if self.plan.patience:
            rows, settled = self._examples.stopping, self.choosing.settled()
            found = scores(self.model, self._examples, rows, settled, self._settings.evaluation_rows)
            figures |= found
            good = goodness(found, self.plan.metric)
            if self._best is None or good > self._best[0]:
                self._best = (good, self.epochs_done + 1, self._everything())
        self.history.append(figures)
        if self.at >= self.steps:
            self._finish("epochs")
        elif self.plan.patience and self._waited_enough():
            self._finish("patience")
        return figures

    def _waited_enough(self) -> bool:
        waited = self.epochs_done - self.best_epoch
        return waited >= self.plan.patience and waited * self.steps_an_epoch >= LEAST

    def _finish(self, why: str) -> None:
        """The best epoch's weights are taken once, and the first reason is the one that is kept."""
        if not self.ended:
            if self._best is not None:
                self._take(self._best[2])
            self.ended, self.ended_by = True, why

    def _everything(self) -> dict[str, Tensor]:
        tensors = {f"model:{name}": tensor for name, tensor in self.model.tensors.items()}
        return copied({**tensors, **{f"choices:{name}": p for name, p in self.choosing.parameters.items()}})

    @torch.no_grad()
    def _take(self, tensors: Mapping[str, Tensor]) -> None:
        self.model.load({n.removeprefix("model:"): t for n, t in tensors.items() if n.startswith("model:")})
        for name, parameter in self.choosing.parameters.items():
            parameter.copy_(tensors[f"choices:{name}"])

    def facts(self) -> dict[str, Any]:
        """Where the training is, as JSON."""
        best = self._best
        facts: dict[str, Any] = {"at": self.at, "ended": self.ended, "by": self.ended_by, "loss": self._loss_sum}
        # Infinity is no JSON: a best that was never defined is None.
        facts["best_of"] = None if best is None else [best[0] if math.isfinite(best[0]) else None, best[1]]
        facts["history"] = [{k: v if math.isfinite(v) else None for k, v in line.items()} for line in self.history]
        return facts

    def state(self) -> State:
        best = self._best
        parts = {
            "model": State(copied(self.model.tensors)),
            "choosing": held(self.choosing),
            "weights": self._weights.state(),
        }
        if self._decisions is not None:
            parts["decisions"] = self._decisions.state()
        if best is not None:
            parts["best"] = State(best[2])
        return joined(parts, self.facts())

    def take_facts(self, facts: Mapping[str, Any]) -> None:
        self.at, self.ended, self._loss_sum = int(facts["at"]), bool(facts["ended"]), float(facts["loss"])
        self.ended_by = str(facts["by"])
        self.history = [{k: math.nan if v is None else v for k, v in line.items()} for line in facts["history"]]

    def restore(self, state: State) -> None:
        facts = state.facts
        self.take_facts(facts)
        self.model.load(state.part("model").tensors)
        give_back(self.choosing, state.part("choosing"))
        self._weights.restore(state.part("weights"))
        if self._decisions is not None:
            self._decisions.restore(state.part("decisions"))
        self._best = None
        if facts["best_of"] is not None:
            good, epoch = facts["best_of"]
            self._best = (-math.inf if good is None else good, epoch, dict(state.part("best").tensors))


def upper_name(name: str) -> str:
    """What a weight of the upper level is called beside the logits of decisions."""
    return f"weights:{name}"


def reached(gradient: Tensor | None) -> bool:
    """torch's types do not say that a gradient may be missing."""
    return gradient is not None


def batches(rows: int, size: int) -> int:
    """How many batches of at most `size` rows there are."""
    return max(1, math.ceil(rows / size))


def sum_of(terms: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([term.float() for term in terms]).sum()


def norm(gradients: Mapping[str, Tensor]) -> Tensor:
    """Euclidean norm of all gradients together."""
    values = [g.coalesce().values() if g.is_sparse else g for g in gradients.values()]
    norms: Any = torch._foreach_norm(values)
    total: Tensor = torch.linalg.vector_norm(torch.stack([n.float() for n in norms]))
    return total


def clipped(gradients: dict[str, Tensor], largest: float) -> dict[str, Tensor]:
    """The gradients, scaled down together if their norm is above `largest` (0: any)."""
    if not largest or not gradients:
        return gradients
    factor = (largest / (norm(gradients) + 1e-6)).clamp(max=1.0)
    return {name: gradient * factor for name, gradient in gradients.items()}

"""Training of weights that all architectures share: a step trains the paths that were drawn for it."""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

from recspace.compiler.decisions import Architecture

from .bank import Bank, bank_names, maker
from .choosing import Constant
from .context import Context, optimizer
from .examples import Examples
from .module import Model, build
from .recipe import StageCall
from .state import State, joined
from .task import architecture_json
from .training import Fit, clipped, sum_of

ROOM = 256 * 2**20
"""Bytes of models that are kept ready; those least recently used are made again."""

NESTED = ("nested", "ordinal")


class Loans:
    """Plain models with the weights of a bank in them."""

    def __init__(self, context: Context, bank: Bank) -> None:
        self._context, self.bank = context, bank
        self._bytes = 0
        self._ready: OrderedDict[str, tuple[Model, Examples]] = OrderedDict()

    def __call__(self, architecture: Architecture) -> tuple[Model, Examples]:
        """The model, and the examples with the columns that it reads."""
        key = str(architecture_json(architecture))
        if key not in self._ready:
            compiled = self._context.factory(architecture)
            model = build(compiled, self._context.device)
            self._ready[key] = model, self._context.examples.of(compiled.columns)
            self._bytes += size_of(model)
            while self._bytes > ROOM and len(self._ready) > 1:
                self._bytes -= size_of(self._ready.popitem(last=False)[1][0])
        self._ready.move_to_end(key)
        model, examples = self._ready[key]
        self.bank.lend(model)
        return model, examples


class Sharing(Fit):
    """A `Fit` whose model is another one at every step.

    The gradient of a step is the mean over its paths. `distill`: all paths but the first learn what the first one says
    instead of the labels (the widest one, of a sandwich).
    """

    def __init__(
        self,
        context: Context,
        call: StageCall,
        paths: Callable[[int], tuple[Architecture, ...]],
        first: Architecture,
        *,
        nested: bool = False,
        distill: bool = False,
    ) -> None:
        """`first`: is read before all others, so that nested weights need not grow later on: the widest."""
        self._paths, self._distill = paths, distill
        steps = context.steps(call)
        own = call.options["optimizer"]
        make = maker(lambda parameters, tables: optimizer(own, parameters, dict.fromkeys(tables, sys.maxsize), steps))
        self.loans = Loans(context, Bank(nested, context.seed, context.device, make, _before(context, nested)))
        model, examples = self.loans(first)
        choosing, bank = Constant({}, context.device), self.loans.bank
        super().__init__(model, choosing, examples, context.plan(call), context.settings, bank, None)

    def _learn(self) -> float:
        bank, total, losses = self.loans.bank, dict[str, Tensor](), list[float]()
        teacher: Tensor | None = None
        for architecture in self._paths(self.at):
            self.model, self._examples = self.loans(architecture)
            self._objective = self.model.objective  # compiling each would take longer than training it
            loss, prediction = self._path_loss(teacher)
            found = self._gradients(loss, self.model.parameters)
            bank.take_back(self.model)
            for name, gradient in bank.gathered(self.model, found).items():
                total[name] = total[name] + gradient if name in total else gradient
            losses.append(float(loss.detach()))
            if self._distill and teacher is None:
                teacher = prediction.detach()
        mean = {name: gradient / len(losses) for name, gradient in total.items()}
        bank.step(clipped(mean, self.plan.clip), self._rate())
        return math.fsum(losses) / len(losses)

    def _path_loss(self, teacher: Tensor | None) -> tuple[Tensor, Tensor]:
        """The loss of the path at hand on this step's rows, and its predictions."""
        batch = self._batch(self._examples.train, "train")
        prediction, terms = self._answered(batch, {}, "train")
        if teacher is None:
            return sum_of(terms), prediction
        return distance(self._examples.task, prediction, teacher), prediction

    def state(self) -> State:
        return joined({"bank": self.loans.bank.state()}, self.facts())

    def restore(self, state: State) -> None:
        self.take_facts(state.facts)
        self.loans.bank.restore(state.part("bank"))


def _before(context: Context, nested: bool) -> Mapping[str, Tensor]:
    """What stages before have learned: shared weights, or those of a supernet."""
    found = context.found
    if found.shared or not found.weights:
        return found.shared
    return bank_names(context.supernet, found.weights, nested)


def size_of(model: Model) -> int:
    return sum(tensor.nbytes for tensor in model.tensors.values())


def distance(task: str, prediction: Tensor, teacher: Tensor) -> Tensor:
    """How far predictions are from what they are to learn: cross-entropy of probabilities, else the mean square."""
    p, q = prediction.float(), teacher.float()
    if task == "binary":
        return F.binary_cross_entropy(p.clamp(1e-7, 1 - 1e-7), q.clamp(0, 1))
    if task == "classes":
        return -(q * p.clamp(min=1e-7).log()).sum(-1).mean()
    return F.mse_loss(p, q)

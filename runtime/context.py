"""What a stage has to work with: how models are compiled, the rows, the settings, and what was found before it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import Parameter

from recspace.compiler.budgets import Purse
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision
from recspace.compiler.ir import Graph
from recspace.compiler.passes.keep import Place
from recspace.compiler.schema import Column

from .choices import Fixed, searched
from .choosing import Choosing
from .evaluation import metric
from .examples import Examples
from .extension import Base
from .fitting import batch_size
from .module import Model, build, initialise
from .narrowed import narrowed
from .pruning import masks_of
from .recipe import StageCall
from .refuse import refusal, words
from .second_order import Ahead
from .settings import Settings
from .shaping import Shaping
from .targets import Target
from .task import Found
from .tiles import FEWEST
from .training import Fit, Plan, batches, upper_name
from .updates import Update


class Factory(Protocol):
    """Compiles the space at hand: the supernet without an architecture, else the plain model that it means.

    Gate decisions named in `keep` stay decisions of the plain model: weights of what they gate instead of constants.
    `pruned`: which numbers are left of tables.
    Raises SpaceError for an architecture that no `require` lets pass.
    """

    def __call__(
        self,
        architecture: Architecture | None,
        keep: frozenset[str] = frozenset(),
        pruned: Mapping[Place, NDArray[np.bool_]] | None = None,
    ) -> Compiled: ...


@dataclass(frozen=True, slots=True)
class Context:
    """`stage` is unique in the run and names its random streams: `1.relax`. `graph`: of the space, as it was checked.
    `free`: as `factory`, of an architecture that need not meet the requirements of the space. `settled`: the graph of the plain model
    that an architecture means, before any pass (`Models.settled`). `purse`: what requirements on costs allow.
    `penalty`: what costs of an architecture add to what is minimized.
    `base`: the finished model that this one goes on from. `targets`: budgets that a sampler finds the best for, each.
    """

    stage: str
    factory: Factory
    graph: Graph
    examples: Examples
    settings: Settings
    device: torch.device
    fixed: Fixed
    found: Found
    free: Callable[..., Compiled] | None = None
    settled: Callable[[Architecture], Graph] | None = None
    purse: Purse | None = None
    penalty: Callable[[Architecture], float] | None = None
    targets: tuple[Target, ...] = ()
    base: Base | None = None

    def charge(self, architecture: Architecture) -> float:
        """What costs of an architecture add to what is minimized."""
        return 0.0 if self.penalty is None else self.penalty(architecture)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return searched(self.graph)

    @property
    def supernet(self) -> Compiled:
        """Made when a stage first asks for it: not every space has one. Without what a stage before has settled as off.
        Raises SpaceError (S0630) where it has no form."""
        return narrowed(self.factory, self.decisions, self.fixed) if self.found.settled else self.factory(None)

    def plain(self, architecture: Architecture, keep: frozenset[str] = frozenset()) -> Compiled:
        """The plain model of an architecture, without what was pruned of its tables."""
        masks = masks_of(self.found.pruned)
        return self.factory(architecture, keep, masks) if masks else self.factory(architecture, keep)

    @property
    def seed(self) -> int:
        return self.settings.seed

    def model(self, compiled: Compiled) -> Model:
        """A model of compiled text at its start."""
        model = build(compiled, self.device)
        initialise(model, self.seed)
        return model

    def supernet_model(self) -> Model:
        """The supernet, with the weights that stages before have left it."""
        model = self.model(self.supernet)
        if self.found.weights:
            model.load(self.found.weights)
        return model

    def epochs(self, call: StageCall) -> int:
        return self.settings.epochs or int(call.options["epochs"])

    def batch_size(self, call: StageCall) -> int:
        return batch_size(call.options["batch_size"], self.examples.train.numel(), self.epochs(call))

    def steps(self, call: StageCall) -> int:
        """Steps of the weights in a stage that trains."""
        return self.epochs(call) * batches(self.examples.train.numel(), self.batch_size(call))

    def plan(self, call: StageCall, name: str = "", bilevel: bool = False) -> Plan:
        """How a model is to be trained, as the options of a stage say. `name`: for random streams."""
        options = call.options
        return Plan(
            name or self.stage,
            self.epochs(call),
            self.batch_size(call),
            str(options["decay"]),
            float(options["clip"]),
            int(options.get("patience", 0)),
            metric(options.get("metric"), self.examples),
            bilevel,
            int(options.get("every", 1)),
            bool(options.get("normalize_gradients", False)),
            ahead_of(options),
        )

    def fit(
        self,
        model: Model,
        choosing: Choosing,
        call: StageCall,
        weights: str,
        *,
        bilevel: bool = False,
        decisions: StageCall | None = None,
        name: str = "",
        shaping: Shaping | None = None,
        make: Callable[..., Fit] = Fit,
    ) -> Fit:
        """Training as the options of a stage say. `weights`: the option with the weights' optimizer.

        `decisions`: the optimizer of what `choosing` learns, None if it learns nothing. `name`: for random streams.
        `shaping`: what a relaxation does to training besides. `make`: the loop, if it is not the usual one over epochs.
        """
        options = call.options
        if bilevel and make is Fit and self.examples.valid.numel() == 0:
            place = call.spans.get("bilevel", call.span)
            raise refusal("S0611", "a bilevel search needs validation rows", place, help="give the split a valid part")
        steps = self.steps(call)
        plan = self.plan(call, name, bilevel)
        every = plan.every
        upper = upper_level(model, options.get("upper") or (), bilevel) if decisions is not None else frozenset()
        lower = {name: p for name, p in model.parameters.items() if name not in upper}
        examples = self.examples.of(model.compiled.columns)
        dense = plan.ahead is not None or self.settings.compile  # there gradients of tables always are
        most = sys.maxsize if dense else plan.batch_size * looked_up(model.compiled.columns, examples)
        update = optimizer(options[weights], lower, dict.fromkeys(model.embeddings - upper, most), steps)
        learned = {**choosing.parameters, **{upper_name(n): model.parameters[n] for n in sorted(upper)}}
        learning = None
        if decisions is not None and learned:
            learning = optimizer(decisions, learned, {}, max(1, -(-steps // every)))
        size = float((options[weights] or with_defaults("adam")).options["lr"])
        return make(model, choosing, examples, plan, self.settings, update, learning, upper, shaping, size)


def looked_up(columns: tuple[Column, ...], examples: Examples) -> int:
    """Ids that an example has, about: of lists as many as the longest of the first training rows."""
    batch = examples.batch(examples.train[:FEWEST])
    ids = [batch[c.key] for c in columns if c.what in ("id", "bucket", "cross")]
    return sum(column[:1].numel() for column in ids)


def ahead_of(options: Mapping[str, Any]) -> Ahead | None:
    """How decisions look a step ahead; None where they do not."""
    if options.get("bilevel") != "one_step":
        return None
    step = options["virtual_step"]
    return Ahead(options["hessian"], None if step is None else float(step), options["judged"])


def upper_level(model: Model, names: Iterable[str], bilevel: bool) -> frozenset[str]:
    """Trained tensors that are learned with the decisions: in a bilevel search what predicts logits, and always what
    belongs to a value that the recipe names (`upper = [u]`)."""
    trained = [t for t in model.compiled.tensors if t.trainable]
    predictors = {t.attribute for t in trained if t.upper and bilevel}
    named = tuple(names)
    layers = {t.attribute: {s.layer.split(".")[0] for s in t.slices} for t in trained}
    return frozenset(predictors | {name for name, owners in layers.items() if owners & set(named)})


def optimizer(
    call: StageCall | None, parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], steps: int
) -> Update:
    """The optimizer that a recipe names, Adam with its defaults where it names none. `embeddings`: which of the parameters are
    tables, and how many rows of each a step touches at most; `steps`: how many it will make."""
    chosen = call or with_defaults("adam")
    module = import_module(f"{__package__}.optimizers.{chosen.name}")
    return cast("Update", module.make(parameters, embeddings, chosen.options, steps))


def with_defaults(name: str, **given: Any) -> StageCall:
    """A call of an optimizer that no file wrote."""
    promise = import_module(f"{__package__}.optimizers.{name}").promise
    return StageCall(name, {**{o.name: o.default for o in promise.options}, **given}, words(name, f"{name}()"))

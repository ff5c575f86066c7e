"""A step of training before there is any: what it is made of, and what it holds in memory beside the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from recspace.compiler.compiled import Compiled

from .catalogue import catalogue
from .choices import FACTORS, TERMS, Choices, even, for_forward
from .factors import START, factors_shape
from .fitting import batch_size
from .module import Model, build, initialise
from .negatives import Negatives
from .randomness import noises
from .recipe import StageCall
from .tiles import kept_by, rows_of

if TYPE_CHECKING:
    from .inputs import Inputs


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a model: a batch of training rows, and what its objective is called with. `learned`: what has gradients."""

    model: Model
    batch: dict[str, torch.Tensor]
    choices: Choices
    noise: dict[str, torch.Tensor]
    learned: tuple[torch.Tensor, ...]

    @property
    def rows(self) -> int:
        return next(iter(self.batch.values())).shape[0]

    def kept(self) -> int:
        """Bytes that a step on all rows at once keeps between layers for the backward pass."""
        held = (*self.model.tensors.values(), *self.batch.values(), *self.learned)
        return kept_by(lambda: self.model.objective(self.batch, self.choices, self.noise), held)

    def tile(self, kept: int) -> int:
        """Rows of a tile, of a step that keeps so much."""
        if not self.model.compiled.tiled:
            return self.rows
        learned = sum(p.numel() * p.element_size() for p in self.learned)
        return rows_of(kept // max(1, self.rows), learned, self.rows)


def rehearsed(inputs: Inputs, compiled: Compiled, options: Sequence[Mapping[str, Any]]) -> Step | None:
    """The step with the largest batch of a recipe whose stages have such options; None where none trains."""
    options = [*options, *(inner.options for o in options if isinstance(inner := o.get("step"), StageCall))]
    asked = [(o["batch_size"], int(o.get("epochs") or 1)) for o in options if "batch_size" in o]
    if not asked:
        return None
    columns = list(dict.fromkeys([*compiled.columns, *(inputs.roles.columns if inputs.roles else ())]))
    encoded = inputs.encode(columns)
    train = torch.from_numpy(encoded.rows("train").copy())
    rows = max(batch_size(one, train.numel(), epochs) for one, epochs in asked)
    batch = encoded.batch(train[:rows])
    if compiled.ranking and inputs.roles:
        goods = catalogue(encoded, inputs.roles, columns)
        batch |= Negatives(goods, train, compiled.ranking).columns(train[:rows], 0, "rehearsal", 0)
    model = build(compiled, torch.device("cpu"))
    initialise(model, 0)
    model.module.train()
    weights = {d.name: even(d).requires_grad_() for d in compiled.decisions}
    choices = for_forward(compiled.decisions, weights)
    weighs = [inputs.promises.relaxations[str(o["as"])].identity for o in options if o.get("as")]
    if weighs and all(weighs):  # then sums are made from the factors, and not subset by subset
        factored = [(d.name, factors_shape(d, d.factors)) for d in compiled.decisions if d.factors is not None]
        choices |= {name + FACTORS: torch.full(shape, START).requires_grad_() for name, shape in factored}
        choices |= {name + TERMS: torch.ones(shape[:2]).requires_grad_() for name, shape in factored}
    noise = noises(model.noise_shapes(batch), 0, "rehearsal", 0, torch.device("cpu"))
    return Step(model, batch, choices, noise, (*model.parameters.values(), *weights.values()))


def step_memory(inputs: Inputs, compiled: Compiled, options: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The largest batch of the recipe, and the bytes that its step keeps between layers for the backward pass: measured,
    by one step forward of the widest model of the run on training rows; of a tile of them, where the CPU takes tiles."""
    step = rehearsed(inputs, compiled, options)
    if step is None:
        return {"batch_size": 0, "activation_bytes": 0}
    kept = step.kept()
    return {"batch_size": step.rows, "activation_bytes": math.ceil(kept * step.tile(kept) / max(1, step.rows))}

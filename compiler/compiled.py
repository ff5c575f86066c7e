"""What compiling gives: everything the runtime needs, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .decisions import Decision
from .promise import Initial
from .schema import Column

if TYPE_CHECKING:
    from .gated import AnyGates
    from .ir import Graph

Part = tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """One logical weight inside a stored tensor.

    `layer`: the place in the text that owns it (`deep.mlp`), `name` of the weight there (`0.weight`), `key` the element
    of the family where each has its own, `candidate` the searched widths it belongs to (as text), `part` which part of
    a concatenated input its rows serve. `box` is the half-open range it takes along each axis of the tensor.
    Equal (layer, name, key, candidate, part) in two compilations of one space name the same weight: that is how derived
    models, rewinding and cold starts take over what was learned. `chosen`: what has to be decided for it to stay, as
    (decision, element, option). `kept` [rows, width]: which numbers of a table are left of it; stored are those alone (a
    box of one axis), or whole rows that have any. `gates`: what multiplies a table wherever it is read.
    """

    layer: str
    name: str
    key: Part
    candidate: str
    part: Part
    box: tuple[tuple[int, int], ...]
    chosen: tuple[tuple[str, int, int], ...] = field(default=(), compare=False)
    kept: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)
    gates: AnyGates | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A parameter (`trainable`) or buffer of the generated module: its attribute, shape, start and logical contents.

    `embedding`: rows are ids of values, so rows not met in a batch have no gradient. `initials`: where slices start
    differently (fans differ), one entry a slice; else one for all. `upper`: it serves nothing but the logits of
    decisions, and so belongs to the upper level of a bilevel search. `settled`: what a buffer holds for good, and nothing
    learns: the option of every element of a decision that is looked up by the values of an example, and where the numbers
    of a table stand of which only a part is left. `packed`: it is made of what was learned, once that is done: bytes and scales of
    the rows of the tensor of the same name, or codes of its queries.
    """

    attribute: str
    shape: tuple[int, ...]
    initials: tuple[Initial, ...]
    slices: tuple[Slice, ...]
    trainable: bool = True
    embedding: bool = False
    upper: bool = False
    settled: NDArray[Any] | None = field(default=None, compare=False, repr=False)
    packed: Literal["", "bytes", "scales", "codes"] = ""

    @property
    def dtype(self) -> str:
        """What its numbers are stored as, where that is not what torch makes by itself."""
        if self.settled is not None:
            return str(self.settled.dtype)
        return {"bytes": "int8", "codes": "uint8"}.get(self.packed, "")


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a ranking objective draws: `negatives` other items for each row, all alike (`uniform`) or each in proportion
    to its training count to the power of `exponent` (`popularity`)."""

    negatives: int
    sampling: str = "uniform"
    exponent: float = 0.75


@dataclass(frozen=True, slots=True)
class Compiled:
    """A supernet, or (where `decisions` is empty) a plain model.

    `source` is the text of a module with one class `class_name(torch.nn.Module)`; made without arguments, its tensors
    are uninitialised zeros. It has

        forward(batch, choices, noise) -> prediction [B] (classes: [B, C]); for binary tasks a probability
        objective(batch, choices, noise) -> (prediction, (term, …)): the minimised terms, each a scalar mean over rows
        noise_shapes(batch) -> {name: shape} of the uniform noise it wants while training ({} in eval mode)

    batch: {column.key: tensor} for `columns`. choices: {decision: tensor}: [elements] for a gate (weight of `on`),
    [elements, options] otherwise (padded with 0 where domains differ); a subset: inclusion weights [elements, options].
    A plain model takes choices = {} and noise = {}, and so has them as defaults. `tensors` says what its parameters and
    buffers are. `constraints` are texts of the `require`s; costs are counted by `compiler/cost.py`.

    `ranking`: the objective compares each row with others; its batch then holds for every column that changes with the
    item `":others/" + column.key` [B K], what stands in its place in the K alternatives of each row. `factored`: there
    is a method factors(batch, choices) -> (own [B, R], item [B, R]), where `own` reads no column of the item, `item` no
    other column, and own · item ranks the items of a user as the prediction does. `names`: what the text calls the value of a
    node of `graph`. `stored`: the same plain model as it is kept when nothing is learned any more, where tables of it are packed
    into bytes (`runtime/packing.py`). `tiled`: a step may take its batch part by part, as no example sees another:
    the terms of the objective are means over examples, and all in a batch and its noise has an entry for each.
    """

    name: str
    class_name: str
    source: str
    columns: tuple[Column, ...]
    tensors: tuple[Tensor, ...]
    decisions: tuple[Decision, ...]
    objectives: tuple[str, ...]
    graph: Graph
    ranking: Ranking | None = None
    factored: bool = False
    names: Mapping[int, str] = field(default_factory=dict, compare=False, repr=False)
    stored: Compiled | None = field(default=None, compare=False, repr=False)
    tiled: bool = False

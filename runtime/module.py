"""Generated text as a live module: loaded, given its start, handed weights that were learned elsewhere.

What is executed is the text that the compiler has just made, never a file; the copy in a run's folder is for reading.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, cast

import torch
from torch import Tensor as Tensor  # noqa: PLC0414 – re-exported, as Module is
from torch.nn import Module as Module  # noqa: PLC0414 – re-exported: who imports it from here names no torch
from torch.nn import Parameter

from recspace.compiler.compiled import Compiled, Part, Slice
from recspace.compiler.compiled import Tensor as Stored
from recspace.compiler.promise import Initial

from .randomness import stream

Identity = tuple[str, str, Part, str, Part]


@dataclass(frozen=True, slots=True)
class Model:
    """A compiled model that can be run. `parameters` are trained, by attribute; `tensors` those and the buffers;
    `functions`: those of operators that its text has, by name."""

    compiled: Compiled
    module: Module
    parameters: Mapping[str, Parameter]
    tensors: Mapping[str, Tensor]
    functions: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)

    @property
    def embeddings(self) -> frozenset[str]:
        return frozenset(t.attribute for t in self.compiled.tensors if t.embedding)

    @property
    def objective(self) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
        return cast("Callable[..., tuple[Tensor, tuple[Tensor, ...]]]", self.module.objective)

    def noise_shapes(self, batch: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
        return dict(cast("Any", self.module).noise_shapes(batch))

    def factors(self, batch: Mapping[str, Tensor], choices: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """The two sides of a score (`Compiled.factored`)."""
        own, item = cast("Any", self.module).factors(batch, choices)
        return own, item

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the values of every tensor."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])


def build(compiled: Compiled, device: torch.device) -> Model:
    """Execute the generated text and make its module on a device; its tensors are zeros, but for what is settled."""
    # The name tells texts apart, so that a traceback or a debugger shows the right one.
    digest = blake2b(compiled.source.encode(), digest_size=4).hexdigest()
    name = f"<recspace {compiled.name} {digest}>"
    linecache.cache[name] = (len(compiled.source), None, compiled.source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": f"recspace_generated_{digest}", "__file__": name}
    exec(compile(compiled.source, name, "exec"), namespace)  # noqa: S102 – the compiler's own text, see above
    module: Module = namespace[compiled.class_name]().to(device)
    parameters = {t.attribute: module.get_parameter(t.attribute) for t in compiled.tensors if t.trainable}
    buffers = {t.attribute: module.get_buffer(t.attribute) for t in compiled.tensors if not t.trainable}
    for stored in compiled.tensors:
        if stored.settled is not None:
            buffers[stored.attribute].copy_(torch.from_numpy(stored.settled))
    return Model(compiled, module, parameters, {**parameters, **buffers}, namespace)


def identity(part: Slice) -> Identity:
    """What makes two slices the same weight, whatever tensor they lie in."""
    return part.layer, part.name, part.key, part.candidate, part.part


def region(tensor: Tensor, part: Slice) -> Tensor:
    """The view of a stored tensor that a slice takes."""
    return tensor[tuple(slice(start, stop) for start, stop in part.box)]


def shape_of(tensor: Tensor, part: Slice) -> tuple[int, ...]:
    """Of the weight itself."""
    return tuple(region(tensor, part).shape) if part.kept is None else part.kept.shape


def put(tensor: Tensor, part: Slice, weight: Tensor) -> None:
    """Store a weight in its slice: what is left of it."""
    view = region(tensor, part)
    if part.kept is not None:
        kept = torch.from_numpy(part.kept).to(weight.device)
        weight = weight[kept] if view.dim() < kept.dim() else (weight * kept)[_stored(view, kept)]
    view.copy_(weight)


def whole(tensor: Tensor, part: Slice) -> Tensor:
    """The weight that a slice holds; 0 where nothing is left of it."""
    view = region(tensor, part)
    if part.kept is None:
        return view
    kept = torch.from_numpy(part.kept).to(view.device)
    found = view.new_zeros(kept.shape)
    found[kept if view.dim() < kept.dim() else _stored(view, kept)] = view
    return found


def _stored(view: Tensor, kept: Tensor) -> tuple[Tensor, ...]:
    """Which rows and columns of a weight its slice holds: along every axis all, or those of which anything is left."""
    axes = range(kept.dim())
    found = [
        torch.arange(n, device=kept.device)
        if n == kept.shape[a]
        else kept.movedim(a, 0).flatten(1).any(1).nonzero().flatten()
        for a, n in zip(axes, view.shape, strict=True)
    ]
    return torch.meshgrid(*found, indexing="ij")


@torch.no_grad()
def initialise(model: Model, seed: int) -> None:
    """Give every slice its start from a stream of its own: equal slices start equal in supernet and derived model."""
    for stored in (t for t in model.compiled.tensors if t.settled is None):
        tensor = model.tensors[stored.attribute]
        spans = _spans(stored)
        for k, part in enumerate(stored.slices):
            initial = stored.initials[k if len(stored.initials) > 1 else 0]
            rows, columns = spans[_whole(part)]
            generator = stream(seed, "initial", *_texts(identity(part)))
            put(tensor, part, _drawn(initial, shape_of(tensor, part), rows, columns, generator))


def _texts(name: Identity) -> tuple[str, ...]:
    return name[0], name[1], repr(name[2]), name[3], repr(name[4])


def _whole(part: Slice) -> tuple[str, str, Part, str]:
    return part.layer, part.name, part.key, part.candidate


def _spans(stored: Stored) -> dict[tuple[str, str, Part, str], tuple[int, int]]:
    """Extent along the last two axes of each whole weight: its fans, also where it is sliced by parts of its input."""
    ends: dict[tuple[str, str, Part, str], list[tuple[tuple[int, int], ...]]] = {}
    for part in stored.slices:
        ends.setdefault(_whole(part), []).append(part.box)
    return {key: (_extent(boxes, -2), _extent(boxes, -1)) for key, boxes in ends.items()}


def _extent(boxes: list[tuple[tuple[int, int], ...]], axis: int) -> int:
    if len(boxes[0]) < -axis:
        return 1
    return sum(stop - start for start, stop in {box[axis] for box in boxes})


def _drawn(initial: Initial, shape: tuple[int, ...], rows: int, columns: int, generator: torch.Generator) -> Tensor:
    match initial.kind:
        case "constant":
            return torch.full(shape, initial.value)
        case "normal":
            return torch.empty(shape).normal_(initial.mean, initial.value, generator=generator)
        case "uniform":
            bound = initial.value
        case "xavier":
            bound = math.sqrt(6 / (rows + columns))
        case "fan_in":
            bound = 1 / math.sqrt(initial.value)
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def transfer(source: Mapping[str, Tensor], compiled: Compiled, target: Model) -> tuple[Identity, ...]:
    """Hand the slices of one model's tensors (by attribute) to another that has them too; returns what it has alone."""
    known = {identity(part): (stored.attribute, part) for stored in compiled.tensors for part in stored.slices}
    missing = []
    for stored in (t for t in target.compiled.tensors if t.settled is None):
        for part in stored.slices:
            found = known.get(identity(part))
            own = target.tensors[stored.attribute]
            values = whole(source[found[0]], found[1]) if found is not None else None
            if values is None or values.shape != shape_of(own, part):
                missing.append(identity(part))
            else:
                put(own, part, values)
    return tuple(missing)

"""Weights that all architectures of a space share: each logical weight once, whoever reads it.

A path, the plain model of one architecture, borrows what it reads and gives its gradients back. A weight is known by its
layer, name, element and part (`module.identity`), so what two architectures have in common is trained by both.

    none     a layer has weights of its own for each width
    nested   smaller weights are the first rows and columns of the largest (ordinal sharing; AutoIAS, CIKM 2021)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from recspace.compiler.compiled import Compiled, Slice
from recspace.compiler.compiled import Tensor as Stored

from .module import Model, identity, initialise, put, shape_of, whole
from .state import State, copied, joined
from .updates import Update


class Maker(Protocol):
    """Makes the optimizer of one weight; `embedding`: its rows are ids of values."""

    def __call__(self, name: str, weight: Parameter, embedding: bool) -> Update: ...


def name_of(part: Slice, shape: tuple[int, ...], nested: bool) -> str:
    """What a weight is called in the bank, as text. Rows that serve one part of an input are the same whatever stands beside
    that part."""
    layer, name, key, candidate, piece = identity(part)
    listed: list[Any] = [layer, name, list(key), list(piece), len(shape)]
    return json.dumps(listed if nested else [*listed, "" if piece else candidate, list(shape)])


def corner(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The view of the first entries along every axis."""
    return tensor[tuple(slice(0, n) for n in shape)]


class Bank:
    """`make` gives the optimizer of a new weight; a nested one that becomes larger starts with a new one.

    `start`: weights that stages before have learned, by name.
    """

    def __init__(
        self, nested: bool, seed: int, device: torch.device, make: Maker, start: Mapping[str, Tensor] | None = None
    ) -> None:
        self.nested, self._seed, self._device, self._make = nested, seed, device, make
        self._start = start or {}
        self._weights: dict[str, Tensor] = {}
        self._embeddings: dict[str, bool] = {}
        self._updates: dict[str, Update] = {}

    @torch.no_grad()
    def lend(self, model: Model) -> None:
        """Give a model the weights that it reads. Those that nobody has read before start as they would in it alone."""
        parts = [(t, p, name_of(p, shape_of(model.tensors[t.attribute], p), self.nested)) for t, p in slices(model)]
        new = [(t, p, name) for t, p, name in parts if self._lacks(name, shape_of(model.tensors[t.attribute], p))]
        if new:
            initialise(model, self._seed)
            borrow(self._start, model)
            for stored, part, name in new:
                self._keep(stored, name, whole(model.tensors[stored.attribute], part))
        for stored, part, name in parts:
            own = model.tensors[stored.attribute]
            put(own, part, corner(self._weights[name], shape_of(own, part)))

    def _lacks(self, name: str, shape: tuple[int, ...]) -> bool:
        known = self._weights.get(name)
        return known is None or any(n > m for n, m in zip(shape, known.shape, strict=True))

    def _keep(self, stored: Stored, name: str, start: Tensor) -> None:
        known = self._weights.get(name)
        weight = start.to(self._device, copy=True)
        if known is not None:
            size = tuple(max(n, m) for n, m in zip(start.shape, known.shape, strict=True))
            weight = start.new_zeros(size)
            corner(weight, tuple(start.shape)).copy_(start)
            corner(weight, tuple(known.shape)).copy_(known)
        self._hold(name, weight, stored.trainable, stored.embedding)

    def _hold(self, name: str, weight: Tensor, trainable: bool, embedding: bool) -> None:
        self._weights[name] = Parameter(weight) if trainable else weight
        self._embeddings[name] = embedding
        if trainable:
            self._updates[name] = self._make(name, self._weights[name], embedding)  # type: ignore[arg-type]

    def gathered(self, model: Model, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gradients of a model's tensors, by attribute, as gradients of the shared weights."""
        found: dict[str, Tensor] = {}
        for stored, part in slices(model):
            gradient = gradients.get(stored.attribute)
            if gradient is None:
                continue
            own = whole(gradient, part)
            name = name_of(part, tuple(own.shape), self.nested)
            weight = self._weights[name]
            if own.shape != weight.shape:
                grown = torch.zeros_like(weight)
                corner(grown, tuple(own.shape)).copy_(own)
                own = grown
            found[name] = found[name] + own if name in found else own
        return found

    def step(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        for name, gradient in gradients.items():
            self._updates[name].step({name: gradient}, rate)

    @torch.no_grad()
    def take_back(self, model: Model) -> None:
        """Running statistics, as a model has left them."""
        for stored, part in slices(model):
            if not stored.trainable:
                own = whole(model.tensors[stored.attribute], part)
                corner(self._weights[name_of(part, tuple(own.shape), self.nested)], tuple(own.shape)).copy_(own)

    def tensors(self) -> dict[str, Tensor]:
        """Copies of all weights, by name, on the CPU: what `borrow` reads."""
        return copied(self._weights)

    def state(self) -> State:
        updates = joined({name: update.state() for name, update in self._updates.items()})
        facts = {"weights": {n: [n in self._updates, embedding] for n, embedding in self._embeddings.items()}}
        return joined({"weights": State(self.tensors()), "updates": updates}, {"kinds": facts})

    def restore(self, state: State) -> None:
        tensors, updates = state.part("weights").tensors, state.part("updates")
        self._weights, self._embeddings, self._updates = {}, {}, {}
        for name, (trainable, embedding) in state.facts["kinds"]["weights"].items():
            self._hold(name, tensors[name].to(self._device, copy=True), trainable, embedding)
        for name, update in self._updates.items():
            update.restore(updates.part(name))


def slices(model: Model) -> list[tuple[Stored, Slice]]:
    """What of a model is learned, weight by weight."""
    return [(t, part) for t in model.compiled.tensors if t.settled is None for part in t.slices]


@torch.no_grad()
def borrow(shared: Mapping[str, Tensor], model: Model) -> int:
    """Give a model the shared weights that it reads (`Bank.tensors`); how many there were none of, left as they are."""
    missing = 0
    for stored, part in slices(model):
        own = model.tensors[stored.attribute]
        shape = shape_of(own, part)
        names = (name_of(part, shape, nested) for nested in (False, True))
        found = next((shared[name] for name in names if name in shared), None)
        if found is None or any(n > m for n, m in zip(shape, found.shape, strict=True)):
            missing += 1
        else:
            put(own, part, corner(found, shape).to(own.device))
    return missing


def bank_names(compiled: Compiled, tensors: Mapping[str, Tensor], nested: bool) -> dict[str, Tensor]:
    """The weights of a supernet (by attribute) as a bank calls them; of nested ones the largest."""
    found: dict[str, Tensor] = {}
    for stored in (t for t in compiled.tensors if t.settled is None):
        for part in stored.slices:
            weight = whole(tensors[stored.attribute], part)
            name = name_of(part, tuple(weight.shape), nested)
            if name not in found or found[name].numel() < weight.numel():
                found[name] = weight
    return found


def maker(make: Callable[[Mapping[str, Parameter], frozenset[str]], Update]) -> Maker:
    """From what makes the optimizer of many weights."""

    def one(name: str, weight: Parameter, embedding: bool) -> Update:
        return make({name: weight}, frozenset({name}) if embedding else frozenset())

    return one

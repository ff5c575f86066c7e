"""Runs any operator from its promise and the text of its functions alone, as generated modules do."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recspace.compiler.promise import REQUIRED, Buffer, Mismatch, Operator, Option, Weight
from recspace.compiler.shapes import NUMBER, Shape, matrix, sequence, vector, widest
from recspace.runtime.registry import promises, sources

OPERATORS = promises().operators
KINDS = (NUMBER, vector(6), matrix(4, 6), sequence(6))
LENGTH = 5


def refusal(promise: Operator, shapes: tuple[Shape, ...], options: Mapping[str, Any]) -> Mismatch | None:
    """Why an operator does not take inputs of these shapes, None if it does."""
    try:
        promise.shape(shapes, options)
    except Mismatch as mismatch:
        return mismatch
    return None


@dataclass(frozen=True)
class Case:
    """An operator with shapes and options that it takes."""

    operator: str
    shapes: tuple[Shape, ...]
    options: tuple[tuple[str, Any], ...]

    @property
    def promise(self) -> Operator:
        return OPERATORS[self.operator]

    @property
    def given(self) -> dict[str, Any]:
        return dict(self.options)

    @property
    def result(self) -> Shape:
        return self.promise.shape(self.shapes, self.given)

    def __str__(self) -> str:
        options = ",".join(f"{k}={v}" for k, v in self.options)
        return f"{self.operator}({'; '.join(map(str, self.shapes))})[{options}]"


def cases(wanted: Callable[[Operator], bool], kinds: tuple[Shape, ...] = KINDS) -> list[Case]:
    """Every operator with every combination of kinds and options that its shape function takes."""
    return [case for promise in OPERATORS.values() if wanted(promise) for case in cases_of(promise, kinds)]


def cases_of(promise: Operator, kinds: tuple[Shape, ...]) -> Iterator[Case]:
    for shapes in itertools.product(kinds, repeat=len(promise.inputs)):
        for options in choices(promise.options):
            if refusal(promise, shapes, dict(options)) is None:
                yield Case(promise.name, shapes, options)


def choices(options: tuple[Option, ...]) -> list[tuple[tuple[str, Any], ...]]:
    """Sample values: one option at a time away from its first."""
    values = [samples(option) for option in options]
    first = tuple((o.name, v[0]) for o, v in zip(options, values, strict=True))
    varied = [
        (*first[:k], (option.name, value), *first[k + 1 :])
        for k, option in enumerate(options)
        for value in values[k][1:]
    ]
    return [first, *varied]


def samples(option: Option) -> list[Any]:
    low = int(option.low or 0)
    by_kind: dict[str, list[Any]] = {
        "width": [4],
        "logits": [4, 1],
        "widths": [(5, 3)],
        "whole": [max(low, 2), max(low, 3)],
        "real": [0.3],
        "flag": [True, False],
        "label": list(option.choices),
    }
    default = [] if option.default is REQUIRED else [option.default]
    return default + [v for v in by_kind[option.kind] if v not in default]


@cache
def functions(operator: str) -> Mapping[str, Callable[..., Tensor]]:
    """The functions of an operator, from their text alone: they see torch, F, Tensor and one another."""
    space: dict[str, Any] = {"torch": torch, "F": F, "Tensor": Tensor}
    for name, text in sources(operator).items():
        exec(compile("from __future__ import annotations\n" + text, f"<{operator}.{name}>", "exec"), space)
    return {name: space[name] for name in sources(operator)}


def drawn(shape: tuple[int, ...], seed: int, low: float = 0.1, high: float = 0.9) -> Tensor:
    """Uniform numbers in float64, alike for one seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low


def value(shape: Shape, batch: int, family: int | None, seed: int, length: int = LENGTH) -> Tensor:
    """An input: [B, (N), *shape]."""
    inner = tuple(widest(d) for d in shape.dims)
    inner = (length, *inner) if shape.kind == "sequence" else inner
    return drawn((batch, *(() if family is None else (family,)), *inner), seed)


@dataclass
class Run:
    """Applies operators, composites too. Layers are drawn on first use: `weights[part + name]`.

    `grouped`: N, with weights for each of the family; None, one layer. `draw` replaces how a weight is made.
    """

    training: bool = False
    grouped: int | None = None
    present: Tensor | None = None
    seed: int = 0
    noise: Callable[[Tensor], Tensor] = field(default=lambda x: drawn(tuple(x.shape), 77, 0, 1))
    weights: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    promised: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __call__(self, case: Case, *inputs: Tensor) -> Tensor:
        given = tuple(zip(case.shapes, inputs, strict=True))
        shape, y = self.applied(case.operator, given, case.given, "")
        assert shape == case.result
        return y

    def apply(self, operator: str, inputs: tuple[Any, ...], options: Mapping[str, Any], part: str) -> Any:
        filled = {o.name: o.default for o in OPERATORS[operator].options} | dict(options)
        return self.applied(operator, inputs, filled, part)

    def applied(self, operator: str, inputs: tuple[Any, ...], options: Mapping[str, Any], part: str) -> Any:
        promise = OPERATORS[operator]
        shapes = tuple(s for s, _ in inputs)
        shape = promise.shape(shapes, options)
        if promise.expand is not None:
            expanded = promise.expand(_Below(self, part), inputs, options)
            assert expanded[0] == shape, f"{operator} expands to a {expanded[0]}, promised is a {shape}"
            return expanded
        tensors = [x.unsqueeze(-1) if promise.lifts and s.kind == "number" else x for s, x in inputs]
        layers = [self._made(part, w) for w in promise.weights(shapes, options)]
        state = [self._made(part, b) for b in promise.buffers(shapes, options)]
        if len(inputs) > 1 and shape.kind != "number":
            rank = max(x.dim() for x in tensors)
            tensors = [x.reshape(x.shape + (1,) * (rank - x.dim())) for x in tensors]
        present = self.present
        if promise.present and shapes[0].kind == "sequence" and present is None:
            present = torch.ones(tensors[0].shape[:-1], dtype=torch.bool)
        own = self.grouped is not None and bool(layers or state)
        function = functions(operator)[operator + ("_grouped" if own else "")]
        known = {**options, "training": self.training, "present": present}
        known |= {n.name: self.noise(tensors[n.like]) if self.training else None for n in promise.noise}
        keywords = [n for n, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY]
        y = function(*tensors, *layers, *state, **{k: known[k] for k in keywords})
        if promise.lifts and shape.kind == "number":
            assert y.shape[-1] == 1
            y = y.squeeze(-1)
        return shape, y

    def _made(self, part: str, one: Weight | Buffer) -> Tensor:
        store = self.weights if isinstance(one, Weight) else self.buffers
        key = f"{part}.{one.name}".lstrip(".")
        shape = tuple(widest(d) for d in one.shape)
        self.promised[key] = shape
        if key not in store:
            full = shape if self.grouped is None else (self.grouped, *shape)
            made = drawn(full, self.seed + sum(map(ord, key)), 0.2, 0.6)
            store[key] = made * 10 if one.name == "count" else made
        return store[key]


@dataclass
class _Below:
    """A part within a part: names are joined by dots."""

    run: Run
    part: str

    def apply(self, operator: str, inputs: tuple[Any, ...], options: Mapping[str, Any], part: str) -> Any:
        return self.run.apply(operator, inputs, options, f"{self.part}.{part}".lstrip("."))


def inputs(case: Case, batch: int = 3, family: int | None = None, seed: int = 0, length: int = LENGTH) -> list[Tensor]:
    """A tensor for each input of a case."""
    return [value(s, batch, family, seed + k, length) for k, s in enumerate(case.shapes)]


def sizes(shape: Shape, length: int = LENGTH) -> tuple[int, ...]:
    """The axes of a value behind batch and family."""
    inner = tuple(widest(d) for d in shape.dims)
    return (length, *inner) if shape.kind == "sequence" else inner


def layered(case: Case) -> dict[str, tuple[int, ...]]:
    """The weights and buffers of a case, with their shapes."""
    run = Run()
    run(case, *inputs(case, 1))
    return run.promised


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def runs(promise: Operator) -> bool:
    """Whether the functions can be called from the promise alone."""
    return not promise.structural


def marked(found: list[Case]) -> Any:
    """A test of each case."""
    return pytest.mark.parametrize("case", found, ids=str)

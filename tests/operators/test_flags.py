"""Flags of promises against the functions: linear, zero_preserving, elementwise, masked, present."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from operators.harness import Case, Run, cases, close, drawn, inputs, layered, marked, runs, sizes
from torch import Tensor

from recspace.compiler.shapes import NUMBER, Shape


@marked(cases(lambda p: runs(p) and p.linear))
def test_linear_in_the_first_input(case: Case) -> None:
    run = Run()
    (x, *rest), (y, *_) = inputs(case), inputs(case, seed=10)

    def f(v: Tensor) -> Tensor:
        return run(case, v, *rest) - run(case, torch.zeros_like(v), *rest)

    close(f(2 * x - 3 * y), 2 * f(x) - 3 * f(y))


@marked(cases(lambda p: runs(p) and p.zero_preserving))
def test_zero_stays_zero(case: Case) -> None:
    run = Run()
    x, *rest = inputs(case)
    assert not run(case, torch.zeros_like(x), *rest).any()
    if case.result == case.shapes[0]:
        holes = drawn(tuple(x.shape), 3, 0, 1) < 0.4
        y = run(case, x.masked_fill(holes, 0), *rest)
        assert not y[holes].any()


@marked(cases(lambda p: runs(p) and p.elementwise))
def test_elementwise_acts_on_each_number_alone(case: Case) -> None:
    run = Run(training=True, noise=lambda x: torch.full_like(x, 0.7))
    values = inputs(case)
    whole = run(case, *values)
    lone = Case(case.operator, (NUMBER,) * len(values), case.options)
    wide = torch.broadcast_tensors(*(v.reshape(v.shape + (1,) * (whole.dim() - v.dim())) for v in values))
    close(whole.flatten(), run(lone, *(w.flatten() for w in wide)))


def masks(case: Case) -> list[tuple[int, list[int]]]:
    """An axis of the input's shape and what is left of it: columns, rows of a matrix."""
    shape = case.shapes[0]
    axes = [-1] if shape.dims else []
    return [(a, [0, 2, 3] if a == -1 else [0, 3]) for a in (*axes, *([0] if shape.kind == "matrix" else []))]


@marked(cases(lambda p: runs(p) and p.masked and p.inputs))
def test_zeroed_elements_might_as_well_be_gone(case: Case) -> None:
    for axis, kept in masks(case):
        if any(s.kind != case.shapes[0].kind for s in case.shapes):
            continue
        at = -1 if axis == -1 else -2
        index = torch.tensor(kept)
        smaller = replace(case, shapes=tuple(_cut(s, axis, len(kept)) for s in case.shapes))
        for training in (False, True):
            big = Run(noise=lambda x: torch.full_like(x, 0.7))
            values = inputs(case)
            big(case, *values)
            big.training = training
            holes = torch.ones(values[0].shape[at], dtype=torch.bool)
            holes[index] = False
            zeroed = [v.transpose(at, -1).masked_fill(holes, 0).transpose(at, -1) for v in values]
            small = _Sliced(training, noise=big.noise, whole=big, kept=index)
            y = big(case, *zeroed)
            close(_kept(y, smaller.result, index), small(smaller, *(v.index_select(at, index) for v in values)))


def _cut(shape: Shape, axis: int, size: int) -> Shape:
    dims = list(shape.dims)
    dims[axis] = size
    return replace(shape, dims=tuple(dims))


class _Sliced(Run):
    """Weights are those of another run, cut along the axis that is promised to follow the input."""

    def __init__(self, training: bool, noise: Any, whole: Run, kept: Tensor) -> None:
        super().__init__(training, noise=noise)
        self.state = {k: t.clone() for k, t in (whole.weights | whole.buffers).items()}
        self.kept = kept

    def _made(self, part: str, one: Any) -> Tensor:
        key = f"{part}.{one.name}".lstrip(".")
        full = self.state[key]
        shape = tuple(one.shape)
        if shape == tuple(full.shape):
            return full
        assert one.rows is not None, f"{key} depends on the input and does not say along which axis"
        return full.index_select(one.rows, self.kept)


def _kept(y: Tensor, result: Shape, index: Tensor) -> Tensor:
    """What is left of an output: along an axis that follows the input its elements, else those that are not zero."""
    for k, size in enumerate(reversed(sizes(result))):
        axis = -1 - k
        if y.shape[axis] == size:
            continue
        left = index if size == len(index) else (y != 0).movedim(axis, 0).flatten(1).any(1).nonzero().flatten()
        y = y.index_select(axis, left)
    return y


@marked([c for c in cases(lambda p: runs(p) and p.present) if c.shapes[0].kind == "sequence"])
@pytest.mark.parametrize("grouped", [False, True])
def test_absent_elements_might_as_well_be_gone(case: Case, grouped: bool) -> None:
    family = 2 if grouped else None
    own = family if grouped and layered(case) else None
    (x,) = inputs(case, 3, family)
    present = torch.zeros(x.shape[:-1], dtype=torch.bool)
    present[..., :3] = True
    for training in (False, True):
        first = Run(training=False, grouped=own)
        first(case, x)

        def run(seen: Tensor | None, values: Tensor, first: Run = first, training: bool = training) -> Tensor:
            buffers = {k: b.clone() for k, b in first.buffers.items()}
            return Run(training, own, seen, weights=first.weights, buffers=buffers)(case, values)

        y, alone = run(present, x), run(None, x[..., :3, :])
        alone_masked = run(present[..., :3], x[..., :3, :])
        close(alone_masked, alone)
        if case.result.kind == "sequence":
            assert not y[..., 3:, :].any()
            y = y[..., :3, :]
        close(y, alone)
        assert torch.isfinite(run(torch.zeros_like(present), x)).all()

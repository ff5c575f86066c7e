"""Searched widths, refusals and costs of every operator."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from operators.harness import KINDS, OPERATORS, Case, cases, choices, layered, marked, refusal, runs

from recspace.compiler.promise import Operator
from recspace.compiler.shapes import Searched, matrix, sequence, vector


@pytest.mark.parametrize("promise", OPERATORS.values(), ids=lambda p: p.name)
def test_searched_widths(promise: Operator) -> None:
    """With a searched width every promise holds for each candidate, or there is a refusal that says what to do."""
    width = Searched((2, 4, 6), ("test",))
    for make in ((lambda n: vector(n)), (lambda n: matrix(4, n)), (lambda n: matrix(n, 4)), (lambda n: sequence(n))):
        for options in choices(promise.options):
            given = {"rows": 9, **dict(options)}
            shapes = (make(width),) * len(promise.inputs)
            if refusal(promise, shapes, given):
                continue
            searched = promise.shape(shapes, given)
            weights = [w.shape for w in promise.weights(shapes, given)]
            assert promise.flops(shapes, given) >= 0
            for candidate in width.candidates:
                fixed = (make(candidate),) * len(promise.inputs)
                _is_candidate(promise.shape(fixed, given).dims, searched.dims)
                for one, whole in zip(promise.weights(fixed, given), weights, strict=True):
                    _is_candidate(one.shape, whole)
                assert promise.flops(fixed, given) <= promise.flops(shapes, given)


def _is_candidate(dims: tuple[Any, ...], searched: tuple[Any, ...]) -> None:
    for one, whole in zip(dims, searched, strict=True):
        assert one in (whole.candidates if isinstance(whole, Searched) else (whole,))


@pytest.mark.parametrize("promise", OPERATORS.values(), ids=lambda p: p.name)
def test_refusals_explain_themselves(promise: Operator) -> None:
    explained = {p.stem for p in (Path(__file__).parents[2] / "dsl" / "explanations").glob("S*.md")}
    kinds = (*KINDS, vector(5), matrix(3, 5), vector(Searched((2, 4), ("a",))), vector(Searched((2, 4), ("b",))))
    for shapes in itertools.product(kinds, repeat=len(promise.inputs)):
        for options in choices(promise.options):
            why = refusal(promise, shapes, {"rows": 9, **dict(options)})
            if why is not None:
                assert why.message
                assert why.label
                assert why.code in explained, why.code
                assert -1 <= why.argument < len(shapes)


@marked(cases(runs))
def test_flops_are_counted(case: Case) -> None:
    flops = case.promise.flops(case.shapes, case.given)
    assert isinstance(flops, int)
    assert flops >= 0
    matrices = sum(r * c for s in layered(case).values() if len(s) == 2 for r, c in [s])
    assert flops >= matrices or not matrices

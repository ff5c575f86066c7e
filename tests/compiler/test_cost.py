"""Costs counted on the graph equal those of the model that is built."""

from __future__ import annotations

import random
from itertools import product
from math import prod

import pytest

from recspace.compiler.budgets import meets, widest
from recspace.compiler.compile import compile_space
from recspace.compiler.cost import Table, cost
from recspace.compiler.decisions import Architecture
from recspace.compiler.example import EXAMPLE
from recspace.compiler.ir import Cost, Graph
from recspace.compiler.resolve import resolve
from recspace.compiler.sampler import Sampler
from recspace.dsl import Source, ast, library_path, load
from recspace.runtime.registry import promises

PROMISES = promises()


def program_of(name: str) -> ast.Program:
    program, _ = load(library_path() / f"{name}.space", library_path())
    assert program is not None
    return program


def graph_of(program: ast.Program) -> Graph:
    resolved = resolve(program, EXAMPLE, PROMISES)
    assert resolved.graph is not None, resolved.diagnostics
    return resolved.graph


def written(text: str) -> Graph:
    program, found = load(Source("own.space", text), library_path())
    assert program is not None, found
    return graph_of(program)


def built(program: ast.Program, architecture: Architecture) -> int:
    """Parameters of the plain model, but the rows of unknown values."""
    model = compile_space(program, EXAMPLE, PROMISES, architecture=architecture)
    tensors = [t for t in model.tensors if t.trainable]
    return sum(prod(t.shape) - (len(t.slices) * t.shape[1] if t.embedding else 0) for t in tensors)


@pytest.mark.parametrize(
    "name", ["deepfm", "embedding/autodim", "embedding/mde", "interaction/autofis", "interaction/fives"]
)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_parameters_are_those_of_the_model_that_is_built(name: str, seed: int | None) -> None:
    program = program_of(name)
    graph = graph_of(program)
    architecture = widest(graph) if seed is None else Sampler(graph).draw(random.Random(seed))
    counted = cost("parameters", graph, EXAMPLE, PROMISES, architecture)
    assert counted == built(program, architecture)
    assert cost("memory", graph, EXAMPLE, PROMISES, architecture) == 4 * counted


ALTERNATIVES = """
space Own "three ways for every pair of three fields"
let g[f in {weekday, device, user}] = embed(f, 4)
let z[i < j in {weekday, device, user}] = choose method {
  memorize:  embed(cross(i, j), 4)
  factorize: g[i] * g[j]
  naive:     0
}
predict sigmoid(linear(mlp(concat(concat(g), concat(z)), [8]), 1))
minimize logloss
"""


@pytest.mark.parametrize("choice", [c for c in product(range(3), repeat=3) if set(c) != {2}])
def test_alternatives_that_are_not_taken_do_not_count(choice: tuple[int, ...]) -> None:
    program, _ = load(Source("own.space", ALTERNATIVES), library_path())
    assert program is not None
    counted = cost("parameters", graph_of(program), EXAMPLE, PROMISES, {"method": choice})
    assert counted == built(program, {"method": choice})


ONE_FIELD = """
space Own "one table"
choose keep[k in 1..4] from {off, on}
let e = embed(weekday, 4) * keep[:]
predict sigmoid(sum(e))
minimize logloss
require parameters(e) <= 50%
"""


@pytest.mark.parametrize("open_gates", range(5))
def test_columns_that_are_switched_off_do_not_count(open_gates: int) -> None:
    graph = written(ONE_FIELD)
    architecture = {"keep": tuple(int(k < open_gates) for k in range(4))}
    assert cost("parameters", graph, EXAMPLE, PROMISES, architecture) == 7 * open_gates
    assert meets(graph, EXAMPLE, PROMISES, architecture) == (open_gates <= 2)


PER_VALUE = """
space Own "single parameters"
choose keep[v in values(weekday), k in 1..4] from {off, on}
let e = embed(weekday, 4) * keep[value(weekday), :]
predict sigmoid(sum(e))
minimize logloss
"""


@pytest.mark.parametrize("kept", [1, 5, 28])
def test_single_parameters_that_are_switched_off_do_not_count(kept: int) -> None:
    graph = written(PER_VALUE)
    architecture = {"keep": tuple(int(k < kept) for k in range(28))}
    assert cost("parameters", graph, EXAMPLE, PROMISES, architecture) == kept
    # 4 bytes each and one for its column, 4 for the start of each of 7 rows and the end; or the whole table.
    assert cost("memory", graph, EXAMPLE, PROMISES, architecture) == min(4 * 28, 5 * kept + 4 * 8)


def test_a_scope_is_what_a_value_reads() -> None:
    graph = written(
        """
space Own "two tables"
let a = embed(weekday, 4)
let b = embed(device, 3)
predict sigmoid(linear(concat(a, b), 1))
minimize logloss
require parameters(a) <= 28
require parameters(a) < 28
"""
    )
    scopes = [node.scope for _, node in graph.items() if isinstance(node, Cost)]
    assert [cost("parameters", graph, EXAMPLE, PROMISES, {}, scope=s) for s in scopes] == [28, 28]
    assert cost("parameters", graph, EXAMPLE, PROMISES, {}) == 28 + 15 + 8
    assert not meets(graph, EXAMPLE, PROMISES, {})


def test_operations_of_a_line() -> None:
    graph = written(
        """
space Own "one line"
predict sigmoid(linear(embed(weekday, 4), 1))
minimize logloss
"""
    )
    without = cost("flops", graph, EXAMPLE, PROMISES, {}) - 2 * 4
    sigmoid = PROMISES.operators["sigmoid"]
    assert without in (0, sigmoid.flops((graph[graph.outputs[0]].shape,), {}))


def test_sparse_tables_are_stored_densely_where_that_is_smaller() -> None:
    assert Table(10, 10, 90, sparse=True).bytes == 400
    assert Table(10, 10, 5, sparse=True).bytes == 5 * 5 + 44

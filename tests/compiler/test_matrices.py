"""The passes `batch` and `mix`: the same outputs and gradients, by products of matrices instead of element by element."""

from __future__ import annotations

import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.compiler.ir import Graph, Operator, Reduce
from recspace.compiler.passes.batch import batch
from recspace.compiler.passes.fold import fold
from recspace.compiler.passes.hoist import hoist
from recspace.compiler.passes.mix import mix
from recspace.compiler.passes.prune import prune
from recspace.compiler.passes.relax import relax
from recspace.compiler.passes.share import share
from recspace.compiler.printing import show
from recspace.compiler.schema import Field
from recspace.compiler.verify import verify
from recspace.runtime.registry import promises

from .agreement import Pair
from .goldens import check_golden
from .test_algebra import computed, known, same
from .test_passes import graph_of

DOTS = {
    "all pairs": "sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields)",
    "with themselves": "sum(tanh(dot(e[i], e[j])) for i <= j in fields) + sum(keep[i, j] * weight(i) for i < j in fields)",
    "both ways": "sum(dot(e[i], e[j]) * weight(i) for i, j in fields) + sum(keep[i, j] for i < j in fields) * bias()",
    "of some": "sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields - {f0})",
    "normalised": "sum(keep[i, j] * batch_norm[i, j](dot(e[i], e[j])) for i < j in fields)",
}
SUMS = {
    "numbers": "sum(keep[i, j] * tanh(weight(i) * weight(j)) for i < j in fields)",
    "vectors": "linear(sum(keep[i, j] * (e[i] * e[j]) for i < j in fields), 1)",
    "for each": "sum(dot(sum(e[j] * keep[i, j] for j in fields if j != i), e[i]) for i in fields)",
    "means": "sum(dot(mean(e[j] for j in fields if open[i, j]), e[i]) for i in fields)",
    "means of others": "sum(dot(mean(tanh(e[j]) for j in fields - {i} if open[i, j]), e[i]) for i in fields)",
}


def pair(text: str, fields: int) -> Pair:
    schema = schema_of(*[Field(f"f{k}", "category", 3 + k % 2) for k in range(fields)])
    decisions = [
        f"choose {name}[{index} in fields] from {{off, on}}"
        for name, index in (("keep", "i < j"), ("open", "i, j"))
        if f"{name}[" in text
    ]
    lines = ["space T", "let e[f in fields] = embed(f, 2)", *decisions, f"predict sigmoid({text})", "minimize logloss"]
    return Pair(program_of("\n".join(lines)), schema, {})


def before(one: Pair) -> Graph:
    return prune(share(fold(verify(relax(hoist(share(graph_of(one))), promises()), "relax"))))


def grams(graph: Graph) -> int:
    return sum(isinstance(n, Operator) and n.operator == "gram" for _, n in graph.items())


def products(graph: Graph) -> int:
    return sum(isinstance(n, Reduce) and n.mixed for _, n in graph.items())


def agree(one: Pair, first: Graph, second: Graph, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    choices = {
        d.name: torch.rand(d.elements, dtype=torch.float64, generator=generator).requires_grad_()
        for d in first.decisions
    }
    weights = known(one, first)
    same(one, *(computed(one, g, weights, choices) for g in (first, second)))


@settings(max_examples=8)
@given(text=st.sampled_from(sorted(DOTS)), fields=st.integers(4, 6), seed=st.integers(0, 99))
def test_inner_products_are_read_off_one_matrix(text, fields, seed):
    one = pair(DOTS[text], fields)
    graph = before(one)
    after = verify(batch(graph), "batch")
    assert (grams(graph), grams(after)) == (0, 1)
    agree(one, graph, prune(after), seed)


@settings(max_examples=8)
@given(text=st.sampled_from(sorted(SUMS)), fields=st.integers(3, 6), seed=st.integers(0, 99))
def test_weighed_sums_are_one_product(text, fields, seed):
    one = pair(SUMS[text], fields)
    graph = before(one)
    after = verify(prune(mix(graph)), "mix")
    assert (products(graph), products(after)) == (0, 1)
    agree(one, graph, after, seed)


@pytest.mark.parametrize(
    "text",
    [
        "sum(dot(e[f0], e[j]) for j in fields - {f0})",  # a row of the matrix
        "sum(dot(e[i], tanh(e[j])) for i < j in fields)",  # of two families
    ],
)
def test_what_is_quicker_one_by_one(text):
    graph = before(pair(text, 6))
    assert grams(batch(graph)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "sum(gate[f] * weight(f) for f in fields)",  # of every example its own
        "sum(dot(sum(e[j] * keep[i, j] for j in {f1, f2} - {i}), e[i]) for i in fields)",  # mostly zeros
    ],
)
def test_sums_that_stay(text):
    decided = "choose gate[f in fields] from {off, on} given linear(e[f], logits)" if "gate" in text else ""
    one = pair(text, 6)
    if decided:
        source = f"space T\nlet e[f in fields] = embed(f, 2)\n{decided}\npredict sigmoid({text})\nminimize logloss\n"
        one = Pair(program_of(source), one.schema, {})
    assert products(mix(before(one))) == 0


def test_what_they_do_to_a_graph():
    texts = []
    for text, step in ((DOTS["normalised"], batch), (SUMS["means"], mix)):
        graph = before(pair(text, 4))
        texts += [f"{text}\n", show(graph), f"after {step.__name__}:\n", show(prune(step(graph)))]
    check_golden("matrices.txt", "\n".join(texts))

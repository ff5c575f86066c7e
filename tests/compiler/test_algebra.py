"""Sums over all subsets as elementary symmetric polynomials: the same outputs and gradients as subset by subset."""

from __future__ import annotations

from itertools import combinations
from math import comb, prod
from typing import Any

import numpy as np
import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Drawn, factored

from recspace.compiler.codegen import generate
from recspace.compiler.emit.subsets import BEFORE, SPELLED, SYMMETRIC
from recspace.compiler.ir import Graph, SubsetSum
from recspace.compiler.lower import lower
from recspace.compiler.passes.algebra import algebra
from recspace.compiler.passes.prune import prune
from recspace.compiler.passes.relax import relax
from recspace.compiler.printing import show
from recspace.compiler.schema import Field
from recspace.compiler.verify import verify
from recspace.runtime.factors import Logits, Terms, factors_shape
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, fill, float64, model_of, shipped, tensors_of
from .goldens import check_golden
from .test_passes import graph_of

FIVE = schema_of(*[Field(f"f{k}", "category", 3 + k % 2) for k in range(5)])
MIXED = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("price", "number"),
    Field("tags", "many", 4, longest=3),
    Field("words", "many", 3, pool="sum", longest=3),
)
FACTORED = "factored symmetric(rank = 2)"
GATED = {
    "orders": f"choose keep[k in 2..4, s in subsets(fields, k)] from {{off, on}} {FACTORED}\n"
    "let order[k in 2..4] = sum(sum(keep[k, s] * product(e[f] for f in s) for s in subsets(fields, k)))\n"
    "predict sigmoid(sum(order[k] for k in 2..4))",
    "gate last": f"choose keep[s in subsets(fields, 3)] from {{off, on}} {FACTORED}\n"
    "predict sigmoid(sum(sum(product(e[f] for f in s) * keep[s] for s in subsets(fields, 3))))",
    "pairs": f"choose keep[i < j in fields] from {{off, on}} {FACTORED}\n"
    "predict sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields))",
    "products": f"choose keep[i < j in fields] from {{off, on}} {FACTORED}\n"
    "predict sigmoid(sum(sum(keep[i, j] * (e[i] * e[j]) for i < j in fields)))",
    "numbers": f"choose keep[t in 1..2, s in subsets(fields, 2)] from {{off, on}} {FACTORED}\n"
    "let n[f in fields] = sum(e[f])\nlet all[t in 1..2] = sum(keep[t, s] * product(n[f] for f in s) for s in subsets(fields, 2))\n"
    "predict sigmoid(all[1] - 2 * all[2])",
    "some fields": f"choose keep[s in subsets(fields, 2)] from {{off, on}} {FACTORED}\nlet few = fields - {{f}}\n"
    "predict sigmoid(sum(sum(keep[s] * product(e[f] for f in s) for s in subsets(few, 2))))",
}
FREE = {
    "pairs": "predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields))",
    "products": "predict sigmoid(sum(sum(e[i] * e[j] for i < j in fields)))",
    "triples": "predict sigmoid(sum(sum(product(e[f] for f in s) for s in subsets(fields, 3))))",
    "orders": "let order[k in 1..4] = sum(product(e[f] for f in s) for s in subsets(fields, k))\n"
    "predict sigmoid(sum(k * sum(order[k]) for k in 1..4))",
    "numbers": "let n[f in fields] = weight(f)\npredict sigmoid(sum(n[i] * n[j] for i < j in fields))",
}


def pair(text: str, schema: Any = FIVE) -> Pair:
    text = text.replace("{f}", f"{{{schema.fields[0].name}}}")
    return Pair(program_of(f"space T\nlet e[f in fields] = embed(f, 2)\n{text}\nminimize logloss\n"), schema, {})


def before_and_after(one: Pair) -> tuple[Graph, Graph]:
    """Relaxed, without the pass and with it."""
    before = prune(verify(relax(graph_of(one), promises()), "relax"))
    return before, verify(prune(verify(algebra(before), "algebra")), "prune")


def sums(graph: Graph) -> list[SubsetSum]:
    return [n for _, n in graph.items() if isinstance(n, SubsetSum)]


def computed(one: Pair, graph: Graph, weights: Drawn, choices: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    """Prediction and gradients by name: of the weights, and of the tensors in `choices`."""
    compiled = generate(graph, one.schema, promises())
    leaves = {n: t for n, t in choices.items() if t.is_leaf and t.requires_grad}
    with float64():
        model = model_of(compiled)
        fill(model, weights)
        prediction, terms = model.objective(tensors_of(one.batch(compiled, 1)), choices, {})
        named = {**model.parameters, **leaves}
        found = torch.autograd.grad(prediction.sum() + sum(terms), list(named.values()), allow_unused=True)
    gradients = {n: g.numpy() for n, g in zip(named, found, strict=True) if g is not None}
    return prediction.detach().numpy(), gradients


def same(one: Pair, first: Any, second: Any) -> None:
    np.testing.assert_allclose(second[0], first[0], rtol=1e-10)
    assert set(second[1]) == set(first[1])
    assert any(np.abs(g).max() > 0 for g in first[1].values())
    for name, gradient in first[1].items():
        np.testing.assert_allclose(second[1][name], gradient, rtol=1e-8, atol=1e-12)


def known(one: Pair, graph: Graph) -> Drawn:
    """Weights for all that the oracle reads."""
    weights, batch = Drawn(1), one.batch(one.supernet, 1)
    odds = {(d.name, key): 0.5 for d in graph.decisions for key in d.keys or ()}
    one.oracle(weights).relaxed(odds, batch)
    return weights


@pytest.mark.parametrize("schema", [FIVE, MIXED], ids=["ids", "mixed"])
@pytest.mark.parametrize("text", GATED.values(), ids=GATED)
def test_gated_sums(text, schema):
    """With weights that are no factored logits, and with factors: as before the pass, and as the oracle says."""
    one = pair(text, schema)
    before, after = before_and_after(one)
    assert sums(after)
    assert not sums(before)
    weights = known(one, before)
    (decision,) = before.decisions
    assert decision.keys is not None
    assert decision.factors is not None
    free = torch.randn(
        decision.elements, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()
    same(one, *(computed(one, g, weights, {"keep": free}) for g in (before, after)))
    shape = factors_shape(decision, decision.factors)
    beta = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).requires_grad_()
    logits = Logits(decision.factors, torch.device("cpu"))
    slow = computed(one, before, weights, {"keep": logits(beta), "beta": beta})
    quick = computed(one, after, weights, {"keep": torch.full_like(free, 1e3), "keep:factors": beta, "beta": beta})
    quick[1].pop("keep:factors")
    same(one, slow, quick)
    groups = {g: k for k, g in enumerate(decision.factors.groups)}
    members = {m: k for k, m in enumerate(decision.factors.members)}
    oracle, values = one.oracle(weights), beta.detach().numpy()
    odds = factored(oracle, "keep", lambda g, m: values[groups[g], :, members[m]])
    np.testing.assert_allclose(quick[0], oracle.relaxed(odds, one.batch(one.supernet, 1)), rtol=1e-10)


@pytest.mark.parametrize("ranks", ["choose R from {1, 2, 4}|R", "choose R[k in 2..4] from {1, 2, 4}|R[k]"])
def test_sums_of_a_searched_rank(ranks):
    """Terms count as much as the ranks that have them: the sums of factors and terms are those of the oracle's logits."""
    declared, _, rank = ranks.partition("|")
    one = pair(f"{declared}\n{GATED['orders'].replace('rank = 2', f'rank = {rank}')}", FIVE)
    before, after = before_and_after(one)
    assert sums(after)
    weights = known(one, before)
    decision = before.decision("keep")
    assert decision.factors is not None
    assert decision.factors.ranks is not None
    generator = torch.Generator().manual_seed(4)
    beta = torch.randn(factors_shape(decision, decision.factors), dtype=torch.float64, generator=generator)
    share = torch.rand(before.decision("R").elements, 3, dtype=torch.float64, generator=generator).softmax(-1)
    terms = Terms(decision.factors.ranks, 4, torch.device("cpu"))(share)
    given = {"keep": torch.full((decision.elements,), 1e3), "keep:factors": beta, "keep:terms": terms}
    quick = computed(one, after, weights, {n: t.requires_grad_() for n, t in given.items()})
    groups = {g: k for k, g in enumerate(decision.factors.groups)}
    members = {m: k for k, m in enumerate(decision.factors.members)}
    odds = {
        ("R", key): dict(zip((1, 2, 4), share[e].tolist(), strict=True))
        for e, key in enumerate(before.decision("R").keys or ())
    }
    oracle, values = one.oracle(weights), beta.detach().numpy()
    logits = factored(oracle, "keep", lambda g, m: values[groups[g], :, members[m]], odds)
    np.testing.assert_allclose(quick[0], oracle.relaxed(logits, one.batch(one.supernet, 1)), rtol=1e-10)


@pytest.mark.parametrize("schema", [FIVE, MIXED], ids=["ids", "mixed"])
@pytest.mark.parametrize("text", FREE.values(), ids=FREE)
def test_sums_without_gates(text, schema):
    one = pair(text, schema)
    before, after = before_and_after(one)
    assert len(sums(after)) == 1
    weights = known(one, before)
    same(one, *(computed(one, g, weights, {}) for g in (before, after)))
    derived_agrees(one, 1)


LEFT_ALONE = {
    "not all": "predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields if i != f or j != g))",
    "ordered": "predict sigmoid(sum(dot(e[i], e[j]) for i, j in fields))",
    "with itself": "predict sigmoid(sum(dot(e[i], e[j]) for i <= j in fields))",
    "free gates": "choose keep[i < j in fields] from {off, on}\npredict sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields))",
    "two factors": f"choose a[i < j in fields] from {{off, on}} {FACTORED}\nchoose b[i < j in fields] from {{off, on}} {FACTORED}\n"
    "predict sigmoid(sum(a[i, j] * (b[i, j] * dot(e[i], e[j])) for i < j in fields))",
    "another table": "predict sigmoid(sum(dot(e[i], embed(j, 2)) for i < j in fields))",
    "all sizes in one": "predict sigmoid(sum(sum(product(e[f] for f in s) for s in subsets(fields, 2..3))))",
    "mean": "predict sigmoid(mean(dot(e[i], e[j]) for i < j in fields))",
}


@pytest.mark.parametrize("text", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_no_sum_over_all_subsets_stays(text):
    text = text.replace("i != f", "i != f0").replace("j != g", "j != f1")
    _, after = before_and_after(pair(text))
    assert not sums(after)


def test_as_many_subsets_as_members_stay():
    three = schema_of(*[Field(f"f{k}", "category", 3) for k in range(3)])
    assert not sums(before_and_after(pair(FREE["pairs"], three))[1])


def test_profit_costs_what_its_fields_cost():
    """No product of the supernet is spelled out, and neither is one of the hand-made model, in which every gate is on."""
    wide = schema_of(*[Field(f"f{k}", "category", 4) for k in range(20)])
    one = Pair(shipped("interaction/profit.space"), wide, {"K": 4, "width": 2})
    compiled = one.supernet
    assert len(compiled.source) < 20_000
    (found,) = sums(compiled.graph)
    assert found.sizes == (2, 3, 4)
    (decision,) = compiled.decisions
    assert decision.elements == sum(comb(20, k) for k in (2, 3, 4))
    whole = one.plain({"keep": (1,) * decision.elements})
    assert len(whole.source) < 20_000
    assert "symmetric_sums(e_embed, (2, 3, 4))" in whole.source


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("option", [0, 1])
def test_all_gates_of_profit_shut_and_all_open(option, seed):
    one = Pair(shipped("interaction/profit.space"), FIVE, {"K": 4, "width": 2})
    (decision,) = graph_of(one).decisions
    derived_agrees(one, seed, {"keep": (option,) * decision.elements})


def test_rows_that_nobody_reads_are_dropped():
    """`taken` of a sum over subsets: of the order that is read the weights, and no others."""
    text = GATED["orders"].replace("sum(order[k] for k in 2..4)", "order[3]")
    before, after = before_and_after(pair(text))
    (found,) = sums(after)
    assert found.sizes == (3,)
    assert found.weights is not None
    assert len(found.weights.rows) == comb(5, 3)
    weights = known(pair(text), before)
    free = torch.randn(25, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    same(pair(text), *(computed(pair(text), g, weights, {"keep": free}) for g in (before, after)))


def test_golden():
    orders = "sum(order[k] for k in 2..4)"
    text = GATED["orders"].replace(orders, f"{orders} + sum(dot(e[i], e[j]) for i < j in fields)")
    one = pair(text)
    before, after = before_and_after(one)
    check_golden("algebra.txt", f"{text}\n\n==\n\n{show(before)}\n==\n\n{show(after)}")


def test_lowering_has_it():
    assert sums(lower(graph_of(pair(FREE["triples"])), promises()))


# -- the functions that are copied ----------------------------------------------------------------------------------


def functions() -> Any:
    namespace: dict[str, Any] = {"torch": torch, "Tensor": torch.Tensor, "F": torch.nn.functional}
    exec(f"{BEFORE}\n{SYMMETRIC}\n{SPELLED}", namespace)  # the compiler's own text
    return namespace["symmetric_sums"], namespace["weighed_sums"]


@settings(max_examples=60, deadline=None)
@given(
    fields=st.integers(1, 8), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3), rank=st.integers(1, 3),
    seed=st.integers(0, 2**16), zeros=st.booleans(),
)  # fmt: skip
def test_symmetric_polynomials_are_the_naive_sums(fields, sizes, rank, seed, zeros):
    """Values and gradients, factors of 0 and orders above the number of members included."""
    symmetric, _ = functions()
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, fields, 2, dtype=torch.float64, generator=generator)
    beta = torch.randn(len(sizes), rank, fields, dtype=torch.float64, generator=generator)
    if zeros:
        x[0], beta[0, 0, 0] = 0.0, 0.0
    x, beta = x.requires_grad_(), beta.requires_grad_()
    naive = []
    for n, size in enumerate(sizes):
        total = 0 * x[:, 0] * beta.sum()
        for s in combinations(range(fields), size):
            weight = sum(prod(beta[n, r, f] for f in s) for r in range(rank))
            total = total + weight * prod(x[:, f] for f in s)
        naive.append(total)
    expected, found = torch.stack(naive, 1), symmetric(x, tuple(sizes), beta)
    torch.testing.assert_close(found, expected)
    wanted, gradients = (torch.autograd.grad(y.sin().sum(), (x, beta)) for y in (expected, found))
    torch.testing.assert_close(gradients, wanted)


@pytest.mark.parametrize("members", [3, 64, 65, 70])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_both_forms_of_many_members(members, shape):
    symmetric, weighed = functions()
    x = torch.randn(2, members, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ones = torch.ones(comb(members, 1) + comb(members, 3) + comb(members, 2), dtype=torch.float64)
    torch.testing.assert_close(symmetric(x, (1, 3, 2)), weighed(x, (1, 3, 2), ones))


def test_no_digits_are_lost_beside_a_large_member():
    """In float32, where power sums (Newton's identities) would be off by more than the result."""
    symmetric, _ = functions()
    x = torch.randn(8, 20, 4, generator=torch.Generator().manual_seed(1))
    x[:, 0] *= 300
    for size in (2, 3, 4):
        exact = symmetric(x.double(), (size,))
        assert ((symmetric(x, (size,)).double() - exact).abs().max() / exact.abs().mean()) < 1e-5

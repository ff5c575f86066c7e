"""Factored logits against the oracle, under every relaxation, and what a relaxation is handed."""

from itertools import combinations
from math import prod

import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Interpreter, factored
from relaxing import ABLE, checked, module

from recspace.compiler.compile import check
from recspace.compiler.decisions import Factors
from recspace.compiler.schema import Field
from recspace.runtime.choices import Fixed
from recspace.runtime.choosing import EVERYTHING, Portion, Relaxed
from recspace.runtime.factors import Logits, factors_shape
from recspace.runtime.registry import promises
from recspace.runtime.steps import Kind, Step

SCHEMA = schema_of(*[Field(f"f{k}", "category", 3) for k in range(5)])
CPU = torch.device("cpu")
INDEXED = {
    "orders": "k in 2..4, s in subsets(fields, k)",
    "all orders at once": "s in subsets(fields, 1..3)",
    "pairs": "i < j in fields",
    "with itself": "i <= j in fields",
    "pairs of each": "t in 1..3, i < j in fields",
    "set first": "s in subsets(fields, 2), t in 1..2",
}


def space(index, domain="{off, on}", rank=3):
    text = f"space T\nchoose d[{index}] from {domain} factored symmetric(rank = {rank})\npredict sigmoid(bias())\nminimize logloss\n"
    program = program_of(text)
    graph = check(program, SCHEMA, promises()).graph
    assert graph is not None
    return graph.decision("d"), Interpreter(program, SCHEMA)


def drawn(decision, seed=0):
    shape = factors_shape(decision, decision.factors)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def expected(decision, oracle, beta):
    """Logits [E] or [E, N] by the oracle, in the order of the decision table."""
    groups = {g: k for k, g in enumerate(decision.factors.groups)}
    members = {m: k for k, m in enumerate(decision.factors.members)}
    found = factored(oracle, "d", lambda g, m: beta[groups[g], :, members[m]].numpy())
    return torch.stack([torch.as_tensor(found["d", key]) for key in decision.keys])


@pytest.mark.parametrize("index", INDEXED.values(), ids=INDEXED)
@pytest.mark.parametrize("domain", ["{off, on}", "{2, 4, 8}"])
def test_logits_are_those_of_the_oracle(index, domain):
    decision, oracle = space(index, domain)
    beta = drawn(decision)
    torch.testing.assert_close(Logits(decision.factors, CPU)(beta), expected(decision, oracle, beta))


def relaxed(decision, name, fixes=None, portion=EVERYTHING, **options):
    fixed = Fixed((decision,), fixes or {})
    return Relaxed((decision,), module(name), checked(name, **options), 10, fixed, 0, "0.relax", CPU, portion)


@pytest.mark.parametrize("name", ABLE)
def test_every_relaxation_weighs_the_logits(name):
    """Weights are what the relaxation makes of the oracle's logits, and gradients reach the factors."""
    decision, oracle = space(INDEXED["orders"])
    choosing = relaxed(decision, name)
    (beta,) = choosing.parameters.values()
    assert beta.shape == (3, 3, 5)
    weights = choosing.settled()["d"]
    logits = expected(decision, oracle, beta.detach().double())
    wanted = module(name).relax(logits, logits, Step(0, 10, training=False), Kind("gate"), checked(name))
    torch.testing.assert_close(weights.double(), wanted, rtol=1e-5, atol=1e-6)
    choosing.training(1)["d"].sum().backward()
    assert (beta.grad != 0).any(-1).all()  # noise shuts some gates of hard_concrete


def test_factors_start_as_in_the_paper():
    """0.5 + N(0, 0.001²); and never at 0, where a product of them has no gradient."""
    decision, _ = space("k in 2..3, s in subsets(fields, k)", rank=200)
    for name, at in (("gate", 0.5), ("sigmoid", 0.5)):
        (beta,) = relaxed(decision, name, **({"initial": 0.5} if name == "gate" else {})).parameters.values()
        assert abs(beta.mean().item() - at) < 1e-4
        assert abs(beta.std().item() - 1e-3) < 1e-4
        assert ((beta - at).abs() > 2e-3).any()  # normal, not uniform
    (beta,) = relaxed(decision, "gate").parameters.values()
    assert abs(beta.mean().item() - 0.6) < 1e-4


def test_factors_are_handed_on_where_the_weights_are_the_logits():
    decision, _ = space(INDEXED["orders"])
    choices = relaxed(decision, "gate").settled()
    torch.testing.assert_close(Logits(decision.factors, CPU)(choices["d:factors"]), choices["d"])
    assert "d:factors" not in relaxed(decision, "sigmoid").settled()
    assert "d:factors" not in relaxed(decision, "gate", {"d": {3: 1}}).settled()
    free, _ = space(INDEXED["orders"].replace("2..4", "2..3"))
    assert "d:factors" in relaxed(free, "gate").settled()


def test_a_portion_learns_some_and_hides_others():
    """Earlier orders as they were left, later ones 0; only the rows in between are parameters."""
    decision, _ = space(INDEXED["orders"])
    order_E = torch.tensor([key[0] for key in decision.keys])
    held = drawn(decision).float()
    portion = Portion({"d": torch.tensor([1])}, {"d": order_E <= 3}, {"d": held})
    choosing = relaxed(decision, "gate", portion=portion)
    (beta,) = choosing.parameters.values()
    assert torch.equal(beta.detach(), held[1:2])
    choices = choosing.training(0)
    logits = Logits(decision.factors, CPU)(held)
    torch.testing.assert_close(choices["d"].detach(), torch.where(order_E <= 3, logits, 0.0))
    torch.testing.assert_close(Logits(decision.factors, CPU)(choices["d:factors"]).detach(), choices["d"].detach())
    assert (choices["d:chance"][order_E == 4] == 0).all()
    (choices["d"].sum() + choices["d:factors"].square().sum()).backward()
    assert beta.grad.abs().sum() > 0
    with torch.no_grad():
        beta += 1
    assert torch.equal(choosing.whole()["d"][[0, 2]], held[[0, 2]])
    assert torch.equal(choosing.whole()["d"][1], held[1] + 1)


@settings(max_examples=20, deadline=None)
@given(fields=st.integers(2, 6), most=st.integers(1, 4), rank=st.integers(1, 3), seed=st.integers(0, 99))
def test_logits_of_any_sets(fields, most, rank, seed):
    sets = tuple(s for k in range(1, min(most, fields) + 1) for s in combinations(range(fields), k))
    groups = tuple(len(s) % 2 for s in sets)
    factors = Factors(rank, tuple(range(fields)), sets, ((0,), (1,)), groups)
    beta = torch.randn(2, rank, fields, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    wanted = [
        sum(prod(float(beta[g, r, f]) for f in s) for r in range(rank)) for s, g in zip(sets, groups, strict=True)
    ]
    torch.testing.assert_close(Logits(factors, CPU)(beta), torch.tensor(wanted, dtype=torch.float64))

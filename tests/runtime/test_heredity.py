"""Priors of gates: heredity holds exactly, in what is drawn and in what is settled."""

import itertools

import pytest
import torch
from generate import program_of, schema_of
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, RelaxedBernoulli, kl_divergence

from recspace.compiler.compile import check
from recspace.compiler.schema import Field
from recspace.dsl import SpaceError
from recspace.runtime import posterior
from recspace.runtime.choices import Fixed
from recspace.runtime.heredity import Heredity
from recspace.runtime.posterior import Posterior, bernoulli_kl, normal_kl, relaxed_bernoulli
from recspace.runtime.registry import promises

CPU = torch.device("cpu")
FIELDS = ("user", "item", "age", "city")
HEREDITY = """space S
choose first[u in values(user), f in fields] from {{off, on}} prior {p1}
choose second[u in values(user), i < j in fields] from {{off, on}}
  prior first[u, i] * first[u, j] + {p2} * (first[u, i] + first[u, j] - 2 * first[u, i] * first[u, j])
predict sigmoid(sum(first[value(user), f] * weight(f) for f in fields)
              + sum(second[value(user), i, j] * weight(i) * weight(j) for i < j in fields))
minimize logloss
"""


def graph_of(text, users=3, fields=3):
    schema = schema_of(Field("user", "category", users, "user"), *(Field(f, "category", 2) for f in FIELDS[1:fields]))
    checked = check(program_of(text), schema, promises())
    assert checked.graph is not None, checked.diagnostics
    return checked.graph


def heredity(users=3, fields=3, p1=0.5, p2=0.5):
    return graph_of(HEREDITY.format(p1=p1, p2=p2), users, fields)


def drawn_from(graph, start=0.8, seed=1, fixed=None, temperature=0.5):
    fixed = Fixed(graph.decisions, fixed or {})
    return Posterior(graph, graph.decisions, fixed, start, temperature, seed, "0.variational", CPU)


def by_key(graph, gates):
    listed = {
        name: (list(g) if isinstance(g, bytes) else torch.as_tensor(g).detach().tolist()) for name, g in gates.items()
    }
    return {(d.name, *d.key(e)): listed[d.name][e] for d in graph.decisions for e in range(d.elements)}


def breaks(found, users, fields):
    """The pairs of users that equation 25 forbids."""
    names = FIELDS[:fields]
    for u, (i, j) in itertools.product(range(1, users + 1), itertools.combinations(names, 2)):
        parents, child = found["first", u, i] + found["first", u, j], found["second", u, i, j]
        if (parents == 2 and child != 1) or (parents == 0 and child != 0):
            yield u, i, j


@given(
    users=st.integers(1, 5), fields=st.integers(2, 4), seed=st.integers(0, 2**16), start=st.floats(0.05, 0.95),
    p1=st.sampled_from([0.1, 0.5, 0.9]), p2=st.sampled_from([0.0, 0.3, 1.0]),
)  # fmt: skip
def test_every_draw_has_strong_and_weak_heredity(users, fields, seed, start, p1, p2):
    graph = heredity(users, fields, p1, p2)
    gates, _ = drawn_from(graph, start, seed).draw(seed % 7, seed % 3)
    found = by_key(graph, gates)
    assert set(found.values()) <= {0.0, 1.0}
    assert not list(breaks(found, users, fields))
    if p2 in (0.0, 1.0):  # then one parent alone settles it, too
        for u, (i, j) in itertools.product(range(1, users + 1), itertools.combinations(FIELDS[:fields], 2)):
            if found["first", u, i] != found["first", u, j]:
                assert found["second", u, i, j] == p2


@given(users=st.integers(1, 5), fields=st.integers(2, 4), bits=st.integers(0, 2**60), p2=st.sampled_from([0.0, 0.3]))
def test_every_settled_architecture_has_it_too(users, fields, bits, p2):
    graph = heredity(users, fields, p2=p2)
    wanted, at = {}, 0
    for d in graph.decisions:
        wanted[d.name] = tuple(bits >> (at + e) & 1 for e in range(d.elements))
        at += d.elements
    obeyed = Heredity(graph, graph.decisions).obeyed(wanted, Fixed(graph.decisions, {}))
    found, asked = by_key(graph, obeyed), by_key(graph, wanted)
    assert list(obeyed["first"]) == list(wanted["first"])
    assert not list(breaks(found, users, fields))
    for u, (i, j) in itertools.product(range(1, users + 1), itertools.combinations(FIELDS[:fields], 2)):
        if found["first", u, i] != found["first", u, j]:
            assert found["second", u, i, j] == (asked["second", u, i, j] if p2 else 0)


def test_what_has_a_choice_is_drawn_as_often_as_the_posterior_says():
    graph = heredity(users=2000, fields=2)
    posterior = drawn_from(graph, 0.7)
    with torch.no_grad():
        posterior.parameters["second"].fill_(-1.0)
    found = by_key(graph, posterior.draw(0, 0)[0])
    first = torch.tensor([found["first", u, f] for u in range(1, 2001) for f in FIELDS[:2]])
    assert first.mean() == pytest.approx(0.7, abs=0.025)
    loose = [u for u in range(1, 2001) if found["first", u, "user"] != found["first", u, "item"]]
    share = sum(found["second", u, "user", "item"] for u in loose) / len(loose)
    assert share == pytest.approx(1 / (1 + 2.718281828), abs=0.05)


def test_draws_are_a_function_of_seed_stage_step_and_number():
    graph = heredity(50)
    once, again = drawn_from(graph), drawn_from(graph)
    assert torch.equal(once.draw(3, 1)[0]["first"], again.draw(3, 1)[0]["first"])
    others = [once.draw(3, 0), once.draw(4, 1), drawn_from(graph, seed=2).draw(3, 1)]
    assert not any(torch.equal(o[0]["first"], once.draw(3, 1)[0]["first"]) for o in others)


def test_the_divergence_is_that_of_the_gates_that_had_a_choice():
    graph = heredity(40, 3, p1=0.3, p2=0.2)
    posterior = drawn_from(graph)
    with torch.no_grad():
        for n, p in posterior.parameters.items():
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(len(n))))
    gates, divergence = posterior.draw(0, 0)
    found = by_key(graph, gates)
    logits = by_key(graph, {n: p.detach() for n, p in posterior.parameters.items()})
    expected = 0.0
    for key, logit in logits.items():
        prior = 0.3 if key[0] == "first" else 0.2
        if key[0] == "second" and found["first", key[1], key[2]] == found["first", key[1], key[3]]:
            continue
        own = Bernoulli(logits=torch.tensor(logit, dtype=torch.float64))
        expected += float(kl_divergence(own, Bernoulli(torch.tensor(prior, dtype=torch.float64))))
    assert divergence.item() == pytest.approx(expected, rel=1e-5)


def test_divergences_are_those_of_torch():
    logits = torch.linspace(-30, 30, 61, dtype=torch.float64)
    for prior in (0.01, 0.5, 0.9):
        p = torch.full_like(logits, prior)
        expected = kl_divergence(Bernoulli(logits=logits), Bernoulli(p))
        assert torch.allclose(bernoulli_kl(logits, p), expected, rtol=1e-9)
    mean, scale = torch.linspace(-3, 3, 7).double(), torch.linspace(0.01, 3, 7).double()
    expected = kl_divergence(Normal(mean, scale), Normal(torch.zeros(7).double(), torch.ones(7).double()))
    assert torch.allclose(normal_kl(mean, scale.log()), expected)


def test_the_gradient_of_a_draw_is_that_of_torchs_relaxed_one():
    logits = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        relaxed = RelaxedBernoulli(torch.tensor(0.7, dtype=torch.float64), logits=logits).rsample()
        torch.manual_seed(5)
        uniform = torch.rand(9, dtype=torch.float64)
    hard = relaxed_bernoulli(logits, uniform, 0.7)
    assert hard.tolist() == (relaxed > 0.5).double().tolist()
    (found,), (expected,) = (torch.autograd.grad(x.sum(), logits) for x in (hard, relaxed))
    assert torch.allclose(found, expected)


def test_parents_learn_from_what_they_force():
    graph = heredity(30)
    posterior = drawn_from(graph, 0.5)
    gates, _ = posterior.draw(0, 0)
    (found,) = torch.autograd.grad(gates["second"].sum(), posterior.parameters["first"])
    assert (found != 0).any()
    assert torch.isfinite(found).all()


def test_what_is_fixed_stays_and_is_inherited():
    graph = heredity(2, 2)
    names = {d.name: d for d in graph.decisions}
    of = {d.key(e): e for d in names.values() for e in range(d.elements)}
    fixed = {"first": {of[1, "user"]: 0, of[1, "item"]: 0, of[2, "user"]: 1, of[2, "item"]: 1},
             "second": {of[2, "user", "item"]: 0}}  # fmt: skip
    posterior = drawn_from(graph, fixed=fixed)
    for step in range(5):
        gates, divergence = posterior.draw(step, 0)
        found = by_key(graph, gates)
        assert found == {
            ("first", 1, "user"): 0, ("first", 1, "item"): 0, ("second", 1, "user", "item"): 0,
            ("first", 2, "user"): 1, ("first", 2, "item"): 1, ("second", 2, "user", "item"): 0,
        }  # fmt: skip
        assert divergence.item() == 0
    on = {d.name: d.hand_made for d in graph.decisions}
    assert by_key(graph, Heredity(graph, graph.decisions).obeyed(on, Fixed(graph.decisions, fixed))) == found
    assert by_key(graph, posterior.settled()) == found


def test_shares_add_up_to_certainty():
    """0.02 + 0.53 + 0.45 is a little below 1 in float32, and leaves no choice all the same."""
    text = """space S
choose a[f in fields] from {off, on} prior 0.5
choose b from {off, on} prior 0.02 * a[user] + 0.53 * a[item] + 0.45 * a[age]
predict sigmoid(sum(a[f] * weight(f) for f in fields) + b * bias())
minimize logloss
"""
    graph = graph_of(text)
    seen = set()
    for step in range(60):
        gates, _ = drawn_from(graph, 0.5).draw(step, 0)
        total = int(gates["a"].sum())
        seen.add((total, int(gates["b"])))
    assert {b for total, b in seen if total == 3} == {1}
    assert {b for total, b in seen if total == 0} == {0}
    assert {b for total, b in seen if total in (1, 2)} == {0, 1}


def test_without_a_prior_either_is_as_likely():
    graph = graph_of("space S\nchoose a[f in fields] from {off, on}\npredict sigmoid(sum(a[f] * weight(f) for f in fields))\n"
                     "minimize logloss\n")  # fmt: skip
    _, divergence = drawn_from(graph, 0.8).draw(0, 0)
    expected = 3 * kl_divergence(Bernoulli(torch.tensor(0.8)), Bernoulli(torch.tensor(posterior.EVEN)))
    assert divergence.item() == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    "prior",
    ["(0.5 if a[user] else 0.1)", "sum(a[f] for f in fields) / 3", "max(a[user], a[item])"],
)
def test_priors_that_cannot_be_computed_are_refused(prior):
    text = f"""space S
choose a[f in fields] from {{off, on}}
choose b from {{off, on}} prior {prior}
predict sigmoid(sum(a[f] * weight(f) for f in fields) + b * bias())
minimize logloss
"""
    graph = graph_of(text)
    with pytest.raises(SpaceError, match="S0630"):
        Heredity(graph, graph.decisions)

"""A rank that is a decision: its terms against the oracle, learned by every relaxation, and what derives from it."""

import by_hand
import pytest
import torch
from generate import program_of, schema_of
from reference import Interpreter, factored
from relaxing import ABLE, checked, module

from recspace.compiler.compile import check
from recspace.compiler.schema import Field
from recspace.runtime.choices import Fixed
from recspace.runtime.choosing import EVERYTHING, Relaxed
from recspace.runtime.factors import Logits, Terms
from recspace.runtime.plan import obstacles, unsearched
from recspace.runtime.progressive_stage import portion_of
from recspace.runtime.registry import promises
from recspace.runtime.steps import Kind, Step

SCHEMA = schema_of(*[Field(f"f{k}", "category", 3) for k in range(5)])
CPU = torch.device("cpu")
RANKS = {
    "one for all": ("choose R from {1, 2, 4}", "R"),
    "one for each order": ("choose R[k in 2..4] from {4, 1, 2}", "R[k]"),
    "a range": ("choose R[k in 2..4] from 1..3", "R[k]"),
    "others for other orders": ("choose R[k in 2..4] from 1..k", "R[k]"),
}


def space(declared, rank):
    text = (
        f"space T\n{declared}\nchoose d[k in 2..4, s in subsets(fields, k)] from {{off, on}} "
        f"factored symmetric(rank = {rank})\npredict sigmoid(bias())\nminimize logloss\n"
    )
    program = program_of(text)
    found = check(program, SCHEMA, promises())
    assert found.graph is not None
    return found, Interpreter(program, SCHEMA)


def decisions(found):
    return found.graph.decision("d"), found.graph.decision("R")


def relaxed(found, name, fixes=None, portion=EVERYTHING, **options):
    own = found.graph.decisions
    return Relaxed(own, module(name), checked(name, **options), 10, Fixed(own, fixes or {}), 0, "s", CPU, portion)


def stirred(choosing, seed=0):
    """Its parameters far from their start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in choosing.parameters.values():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return choosing


def expected(found, oracle, beta, weights):
    """Logits by the oracle, in the order of the decision table; `weights` [elements, options] of the rank."""
    decision, rank = decisions(found)
    groups = {g: k for k, g in enumerate(decision.factors.groups)}
    members = {m: k for k, m in enumerate(decision.factors.members)}
    ranks = {
        ("R", key): {o: float(weights[e, k]) for k, o in enumerate(rank.domain(e).options)}
        for e, key in enumerate(rank.keys)
    }
    logits = factored(oracle, "d", lambda g, m: beta[groups[g], :, members[m]].double().numpy(), ranks)
    return torch.tensor([float(logits["d", key]) for key in decision.keys], dtype=torch.float64)


@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS)
def test_terms_count_as_much_as_the_ranks_that_have_them(ranks):
    found, oracle = space(*ranks)
    decision, rank = decisions(found)
    most = max(max(d.options) for d in rank.domains)
    assert decision.rank == most
    choosing = stirred(relaxed(found, "softmax"))
    beta = choosing.parameters["d"].detach()
    assert beta.shape == (3, most, 5)
    weights = choosing.settled()["R"]
    terms = Terms(decision.factors.ranks, most, CPU)(weights)
    torch.testing.assert_close(
        Logits(decision.factors, CPU)(beta, terms).double(),
        expected(found, oracle, beta, weights),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("name", ABLE)
def test_every_relaxation_learns_it(name):
    """By its own weights where it has any for numbers, else by the softmax; gradients reach rank and factors alike."""
    found, oracle = space(*RANKS["one for each order"])
    choosing = stirred(relaxed(found, name))
    beta, logits = (choosing.parameters[n].detach() for n in ("d", "R"))
    able = "number" in promises().relaxations[name].domains
    still = Step(0, 10, training=False)
    own = module(name).relax(logits, logits, still, Kind("choice"), checked(name)) if able else logits.softmax(-1)
    choices = choosing.settled()
    torch.testing.assert_close(choices["R"], own)
    whole = expected(found, oracle, beta, own)
    wanted = module(name).relax(whole, whole, still, Kind("gate"), checked(name))
    torch.testing.assert_close(choices["d"].double(), wanted, rtol=1e-4, atol=1e-5)
    choosing.training(1)["d"].sum().backward()
    assert all((p.grad != 0).any() for p in choosing.parameters.values())


@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS)
def test_an_architecture_is_made_of_the_rank_that_weighs_most(ranks):
    found, oracle = space(*ranks)
    choosing = stirred(relaxed(found, "gate"))
    beta, soft = choosing.parameters["d"].detach(), choosing.settled()["R"]
    hard = torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1])
    choices = choosing.to_derive()
    torch.testing.assert_close(choices["d"].double(), expected(found, oracle, beta, hard), rtol=1e-4, atol=1e-5)
    assert torch.equal(choices["R"], soft)
    assert not torch.allclose(choices["d"], choosing.settled()["d"])


def test_a_rank_that_is_fixed_is_the_rank():
    found, oracle = space(*RANKS["one for all"])
    choosing = stirred(relaxed(found, "gate", {"R": {0: 1}}))
    beta = choosing.parameters["d"].detach()
    choices = choosing.training(0)
    only = torch.tensor([[0.0, 1.0, 0.0]])
    torch.testing.assert_close(choices["d"].double(), expected(found, oracle, beta, only), rtol=1e-4, atol=1e-5)
    assert torch.equal(choices["d:terms"], torch.tensor([[1.0, 1.0, 0.0, 0.0]] * 3))
    choices["d"].sum().backward()
    assert (choosing.parameters["d"].grad[:, 2:] == 0).all()


def test_what_is_handed_on_makes_the_weights():
    found, _ = space(*RANKS["one for each order"])
    decision, _ = decisions(found)
    choices = stirred(relaxed(found, "gate")).settled()
    again = Logits(decision.factors, CPU)(choices["d:factors"], choices["d:terms"])
    torch.testing.assert_close(again, choices["d"])
    assert not torch.allclose(Logits(decision.factors, CPU)(choices["d:factors"]), choices["d"])
    assert "d:terms" not in relaxed(found, "sigmoid").settled()


def test_a_rank_of_each_order_is_learned_with_its_order():
    found, _ = space(*RANKS["one for each order"])
    decision, _ = decisions(found)
    order_E = torch.tensor([key[0] for key in decision.keys])
    held = {n: p.detach() for n, p in stirred(relaxed(found, "gate")).parameters.items()}
    choosing = relaxed(found, "gate", portion=portion_of(found.graph.decisions, "k", (2, 3, 4), 1, held))
    assert {n: p.shape[0] for n, p in choosing.parameters.items()} == {"d": 1, "R": 1}
    choices = choosing.training(0)
    torch.testing.assert_close(choices["R"].detach(), held["R"].softmax(-1))
    assert (choices["d"][order_E == 4] == 0).all()
    assert (choices["d"][order_E == 3] != 0).all()


STEP = "step = relax(as = gate)"


def advice(text, found):
    recipe = by_hand.recipe(text)
    faults = obstacles(recipe, found.graph.decisions, promises())
    notes = unsearched(recipe, found.graph.decisions, promises())
    return [d.message for d in faults], [(d.code, d.message) for d in notes]


@pytest.mark.parametrize("ranks", ["one for all", "one for each order"])
def test_who_may_search_it(ranks):
    found, _ = space(*RANKS[ranks])
    assert advice("relax(as = gate)", found) == ([], [])
    assert advice(f"progressive(along = k, {STEP})", found) == ([], [])
    faults, ((code, message),) = advice("random(trials = 3)", found)
    assert not faults
    assert code == "S0613"
    assert "`R` is the rank" in message
    (fault,) = advice("variational(weights = [])", found)[0]
    assert "cannot search `d`: it has logits of shared factors" in fault


def test_it_counts_and_no_model_reads_it():
    found, _ = space(*RANKS["one for each order"])
    assert found.size.value == 3**3 * 2**25
    assert not [d for d in found.diagnostics if "`R`" in d.message]

"""Supernets and plain models against the oracle, for shipped spaces on small data."""

from __future__ import annotations

from random import Random

import pytest
import torch
from generate import Generated, program_of, schema_of, spaces
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from reference import Drawn

from recspace.compiler.compile import check
from recspace.compiler.sampler import Sampler
from recspace.compiler.schema import Field
from recspace.dsl import SpaceError, library_path
from recspace.runtime.choices import Set
from recspace.runtime.module import transfer
from recspace.runtime.registry import promises

from .agreement import (
    Agrees,
    Pair,
    derived_agrees,
    fill,
    float64,
    model_of,
    plain_agrees,
    random_architecture,
    random_weights,
    relaxed_agrees,
    shipped,
    tensors_of,
)

IDS = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("age", "number", 5, bins=5),
    Field("city", "category", 2),
)
MIXED = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("price", "number"),
    Field("tags", "many", 4, longest=3),
    Field("words", "many", 3, pool="sum", longest=3),
)
SMALL = {
    "deepfm.space": {"width": 3},
    "interaction/autofis.space": {"width": 3},
    "embedding/autodim.space": {},
    "component/optinter.space": {"width": 3},
    "component/autoloss.space": {},
    "component/autoloss_ratings.space": {},
    "component/autopi.space": {"n": 3, "width": 3},
    "component/sif.space": {"n": 2, "width": 3},
    "combined/autopi_l0sign.space": {"n": 1, "width": 3},
    "combined/sif_autodim.space": {"n": 2, "width": 3},
    "component/slf.space": {},
    "embedding/mde.space": {"width": 6},
    "interaction/fives.space": {"K": 3, "width": 2},
    "interaction/autogroup.space": {"groups": (2, 1, 2), "width": 2},
    "interaction/l0sign.space": {"width": 3, "T": 2},
    "interaction/profit.space": {"K": 3, "width": 2, "R": 2},
    "interaction/profit_ranks.space": {"K": 3, "width": 2},
    "baselines/xdeepfm.space": {"width": 3, "depth": 2, "maps": 2, "units": (4,)},
    "baselines/autoint.space": {"width": 4, "depth": 2},
    "baselines/afm.space": {"width": 3, "hidden": 2},
}
SCHEMAS = {"ids": IDS, "mixed": MIXED}


CASES = [
    (path, name)
    for path in SMALL
    for name in SCHEMAS
    if (path, name) != ("component/optinter.space", "mixed")  # several values are not crossed
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("path", "schema"), CASES)
def test_supernets_of_shipped_spaces(path, schema, seed):
    relaxed_agrees(Pair(shipped(path), SCHEMAS[schema], SMALL[path]), seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_plain_models_of_operator_graphs(seed):
    """AutoFeature has no supernet; what operators of kind `none` hide is gone."""
    pair = Pair(shipped("component/autofeature.space"), IDS, {"K": 3, "L": 2, "width": 2})
    graph = check(pair.program, IDS, promises(), overrides=pair.overrides).graph
    assert graph is not None
    plain_agrees(pair, seed, Sampler(graph).draw(Random(seed)), dead=True)


PAST = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("history", "sequence", 3, "history", of="item", longest=4),
)
WHOLE = {
    "model/autoctr.space": ({"n": 4, "width": 4, "span": 3}, MIXED),
    "model/ameir.space": ({"n1": 3, "n2": 2, "width": 4, "most": 2}, PAST),
    "model/autoias.space": ({"L": 3}, IDS),
}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("path", WHOLE)
def test_plain_models_of_whole_models(path, seed):
    """Blocks wired at will, sequences, crosses and layers that are there or not: architectures drawn from the space."""
    overrides, schema = WHOLE[path]
    pair = Pair(shipped(path), schema, overrides)
    graph = check(pair.program, schema, promises(), overrides=overrides).graph
    assert graph is not None
    plain_agrees(pair, seed, Sampler(graph).draw(Random(seed)), dead=True, whole=True)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("path", "schema"), CASES)
def test_plain_models_of_shipped_spaces(path, schema, seed):
    derived_agrees(Pair(shipped(path), SCHEMAS[schema], SMALL[path]), seed)


FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def where_it_runs(agrees: Agrees, space: Generated, seed: int) -> None:
    """Refused are constructs that have no implementation yet and architectures that a requirement forbids, nothing else."""
    try:
        agrees(Pair(space.program(), space.schema, {}), seed)
    except SpaceError as refused:
        assert {d.code for d in refused.diagnostics} <= {"S0630", "S0410"}  # noqa: PT017 - the others go through
        reject()


@FEW
@given(space=spaces(), seed=st.integers(0, 2**16))
def test_supernets_of_generated_spaces(space: Generated, seed: int):
    where_it_runs(relaxed_agrees, space, seed)


@FEW
@given(space=spaces(), seed=st.integers(0, 2**16))
def test_plain_models_of_generated_spaces(space: Generated, seed: int):
    where_it_runs(derived_agrees, space, seed)


TAKEN = """space {name}
choose keep[f in fields] from {{off, on}}
let {value}[f in fields] = embed(f, 2)
predict sigmoid(linear(mlp(concat({value}[f] * keep[f] for f in fields), [3]), 1))
minimize logloss
"""


@pytest.mark.parametrize(
    "name", ["F", "Tensor", "nn", "torch", "embed", "linear", "dict", "range", "NamedTuple", "average"]
)
def test_names_that_modules_have_already(name):
    """`F` is torch.nn.functional in the text of a module, `Tensor` a type."""
    relaxed_agrees(Pair(program_of(TAKEN.format(name=name, value="e")), IDS, {}), 1)
    relaxed_agrees(
        Pair(program_of(TAKEN.format(name="S", value="made" if name in ("embed", "linear") else name)), IDS, {}), 1
    )


SHUT = """space Shut
choose use[f in fields] from {off, on}
choose keep[f in fields] from {off, on}
predict sigmoid(linear(mlp(concat(embed(f, 2) for f in fields if use[f]), [2]), 1) + sum(dot(keep[f] * embed(f, 3), embed(f, 3)) for f in fields))
minimize logloss
"""


NAMED = """space Named
let e[f in fields] = embed(f, 2)
choose keep[i < j in fields] from {off, on}
choose wide from {off, on}
predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields if keep[i, j] == on) + (sum(weight(f) for f in fields) if wide != off else bias()))
minimize logloss
require wide == off or sum(1 for i < j in fields if keep[i, j] == off) >= 1
"""


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_gates_compared_with_on_and_off(seed):
    """Settled or not, in a filter, in a branch and in a requirement."""
    pair = Pair(program_of(NAMED), IDS, {})
    relaxed_agrees(pair, seed)
    for wide in (0, 1):
        architecture = {**random_architecture(pair.supernet.graph.decisions, seed), "wide": (wide,)}
        architecture["keep"] = (0, *architecture["keep"][1:])
        derived_agrees(pair, seed, architecture)


BY_EXAMPLE = """space ByExample
let e[f in fields] = embed(f, 2)
choose gate[f in fields] from {off, on} given linear(e[f], logits)
choose way[f in fields] from {plain, doubled, none} given linear(mlp(e[f], [3]), logits)
choose whole from {off, on} given linear(e[user], logits)
predict sigmoid(sum(gate[f] * sum(case way[f] { plain: e[f]  doubled: 2 * e[f]  none: 0 * e[f] }) for f in fields) + whole * bias())
minimize logloss + 0.1 * l0(gate)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_decisions_that_each_example_makes(seed):
    pair = Pair(program_of(BY_EXAMPLE), IDS, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("option", [0, 1])
def test_all_gates_shut_and_all_open(option, schema):
    pair = Pair(program_of(SHUT), SCHEMAS[schema], {})
    n = len(SCHEMAS[schema].fields)
    derived_agrees(pair, 1, {"use": (option,) * n, "keep": (option,) * n})


KEYED = """component deeper(x) {
  let h[l in 1..2] = linear[l](mlp(x if l == 1 else h[l - 1], [2]), 3)
  return relu(linear(h[2], 3))
}
component meet(i, j, x, y) {
  choose k from {off, on}
  return k * sum(deeper(x)) + sum(sum(deeper[k2](y)) for k2 in 1..2) + sum(embed(i, 2)) + weight(j) + bias()
}
space Keyed
let e[f in fields] = embed(f, 3)
let m[i < j in fields] = meet[i, j](i, j, e[i], e[j])
let shared[i < j in fields] = meet(i, j, e[i], e[j])
predict sigmoid(0.02 * (sum(m) + sum(shared)))
minimize logloss
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_a_subscript_on_a_component_gives_each_layer_in_it_those_keys(seed):
    pair = Pair(program_of(KEYED), IDS, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)
    found: dict[str, set[object]] = {}
    for one in (s for t in pair.supernet.tensors for s in t.slices):
        found.setdefault(one.layer, set()).add(one.key)
    own = {
        "meet.bias": 6,
        "meet.embed": 6,
        "meet.deeper.h.mlp": 6,
        "meet.deeper.h.linear": 12,
        "meet.deeper#2.linear": 12,
    }
    one = {"meet#2.bias": 1, "meet#2.embed": 3, "meet#2.deeper.h.linear": 2, "meet#2.deeper#2.linear": 2}
    counts = {k: len(v) for k, v in found.items()}
    assert counts | own | one == counts, counts


PENALISED = """space Penalised
let e[f in fields] = embed(f, 2)
choose keep[i < j in fields] from {off, on}
choose edge[f in fields] from {off, on} given linear(e[f], logits)
choose one from {off, on}
predict sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields) + sum(edge[f] * weight(f) for f in fields) + one * bias())
minimize logloss + 0.3 * l0(keep) + 0.2 * l0(edge) + 0.1 * l0(one)
"""


def test_penalties_count_how_likely_gates_are_open():
    """What the relaxation says of it, where it says something: not the weight that a gate happens to have."""
    pair = Pair(program_of(PENALISED), IDS, {})
    relaxed_agrees(pair, 1)
    compiled = pair.supernet
    assert 'choices.get("keep:chance", choices["keep"])' in compiled.source
    with float64(), torch.no_grad():
        model = model_of(compiled)
        fill(model, Drawn(1))
        batch = tensors_of(pair.batch(compiled, 1))
        choices, _ = random_weights(compiled.decisions, 1)
        before = float(model.objective(batch, choices, {})[1][0])
        open_ = {f"{d.name}:chance": torch.ones(d.elements).double() for d in compiled.decisions if not d.given}
        after = float(model.objective(batch, {**choices, **open_}, {})[1][0])
    shut = {name: 1 - float(choices[name].mean()) for name in ("keep", "one")}
    assert after - before == pytest.approx(0.3 * shut["keep"] + 0.1 * shut["one"])


SETS = library_path() / "interaction" / "l0sign_sets.space"
RUNS = """space Runs
let e[i in elements(tags)] = embed(tags, 2)[i]
let f[i in fields] = embed(i, 2)
choose edge[i <= j in elements(tags)] from {off, on} given linear(e[i] * e[j], logits)
choose keep[i in fields] from {off, on}
let z[i <= j in elements(tags)] = linear(concat(e[i], 2 * e[j]), 2)
let h[i in elements(tags)] = mean(tanh(z[j, i]) for j in elements(tags) if edge[j, i]) + e[i]
predict sigmoid(sum(dot(h[i], e[j]) + dot(e[i], e[j]) for i < j in elements(tags))
              + mean(dot(sum(keep[i] * f[i] for i in fields), sum(h[k] for k in elements(tags))) for j in elements(words))
              + sum(sum(h[i]) for i in elements(tags)) * bias())
minimize logloss + 0.1 * l0(edge) + 0.01 * l2(z)
"""


@pytest.mark.parametrize("dense_from", [0.0, 2.0], ids=["dense", "sparse"])
@pytest.mark.parametrize("space", ["sets", "runs"])
@pytest.mark.parametrize("seed", [1, 2])
def test_elements_of_examples(space, dense_from, seed):
    """Rows for all positions or for those that there are: the same, and what the text means."""
    text = SETS.read_text().replace("nodes", "tags") if space == "sets" else RUNS
    pair = Pair(program_of(text), MIXED, {"width": 3} if space == "sets" else {}, rows=8, dense_from=dense_from)
    assert f", {dense_from == 0.0})" in pair.supernet.source
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)


@pytest.mark.parametrize("option", [0, 1])
def test_decisions_of_examples_settled_for_all(option):
    """As the hand-made model has them: the predictor is gone."""
    pair = Pair(shipped("interaction/l0sign.space"), MIXED, {"width": 3})
    (edge,) = pair.supernet.graph.decisions
    derived_agrees(pair, 1, {"edge": (option,) * edge.elements})
    assert "edge_logits" not in pair.plain({"edge": (option,) * edge.elements}).source


@pytest.mark.parametrize("option", [0, 1])
def test_edges_among_elements_settled_for_all(option):
    pair = Pair(program_of(SETS.read_text().replace("nodes", "tags")), MIXED, {"width": 3})
    compiled, weights = pair.supernet, Drawn(1)
    batch = tensors_of(pair.batch(compiled, 1))
    pair.oracle(weights).relaxed({}, pair.batch(compiled, 1))
    with float64(), torch.no_grad():
        supernet, plain = model_of(compiled), model_of(pair.plain({"edge": (option,)}))
        fill(supernet, weights)
        assert "edge_logits" not in plain.compiled.source
        assert not transfer(supernet.tensors, compiled, plain)
        settled = supernet.module(batch, {"edge": Set(torch.tensor([float(option)]))})
        torch.testing.assert_close(plain.module(batch), settled)
    assert (settled.std() > 1e-3) == (option == 1)


IN_ONE_PART = (
    # Widths that are equal in the plain model alone: the concat in the concat is then one node with the rest.
    ("let one = concat(embed(f, choose dim from {1, 2}) for f in fields)", "linear(concat(embed(user, 8), one), 1)"),
    # Equal from the start.
    ("let one = concat(embed(f, 2) for f in fields)", "linear(concat(embed(user, 8), one), 1)"),
    # Every row of the family has parts of its own, of other fields and other decisions.
    (
        "let e[f in fields] = embed(f, choose dim from {1, 2})\n"
        "let rest[g in fields] = linear[g](concat(e[f] for f in fields - {g}), 2)",
        "sum(sum(rest[g]) for g in fields)",
    ),
    (
        "let e[f in fields] = embed(f, choose dim from {1, 2})\n"
        "let both[f in fields] = linear[f](concat(e[f], embed(f, 1)), 2)",
        "sum(sum(both[f]) for f in fields)",
    ),
    # Two concatenations of searched widths in one family.
    (
        "let e[f in fields] = embed(f, choose dim from {1, 2})\n"
        "let m[k in 1..2] = concat(e) if k == 1 else concat(e[f] for f in fields)",
        "linear(m[2], 1) + linear(dropout(m[1], 0.1), 1) + sum(linear[k](m[k], 1) for k in 1..2)",
    ),
    # What is none is left out of a concatenation in a concatenation.
    ("let z[f in fields] = choose k { some: embed(f, 2) none: 0 }", "linear(concat(concat(z), embed(user, 8)), 1)"),
)


@pytest.mark.parametrize(("definitions", "value"), IN_ONE_PART)
def test_every_part_of_a_concatenation_has_its_weights(definitions, value):
    pair = Pair(program_of(f"space Parts\n{definitions}\npredict sigmoid({value})\nminimize logloss\n"), IDS, {})
    relaxed_agrees(pair, 1)
    decisions = pair.supernet.graph.decisions
    for option in (0, 1):
        derived_agrees(pair, 1, {d.name: (option,) * d.elements for d in decisions})
    for seed in range(1, 4):
        derived_agrees(pair, seed)


NUMBERS = (
    ("choose a from {1, 3}", "a * bias()", "logloss"),
    ("let q = bias()", "linear(concat(q, bias()), 1) + linear(concat(q, weight(user)), 1)", "logloss"),
    (
        "learn b = 1\nlet q[k in 1..2] = bias[k]()",
        "linear(concat(b, q[2], 2 * bias()), 1) + linear(concat(q, bias()), 1)",
        "logloss",
    ),
    ("choose a from {1, 3}", "tanh(a) * bias()", "logloss + a, a"),
    ("choose k from {1, 2, 4}", "k * k * bias()", "logloss"),
    ("choose g from {off, on}", "g * g * bias()", "logloss + 0.1 * (g * g)"),
    ("choose g from {off, on}", "tanh(tanh(g) + g) * bias()", "logloss + 0.1 * g"),
    ("choose a from {1, 3}\nchoose g from {off, on}", "(a if g else 2) * bias()", "logloss"),
    ("choose a from {1, 3}\nchoose g from {off, on}", "bias() if g else a", "logloss"),
    ("choose a from {p, q}", "case a { p: 2 q: 0 } * bias()", "logloss + case a { p: 1 q: 2 }"),
    ("choose a from {p, q}\nchoose g from {off, on}", "case a { p: g q: 2 } * bias()", "logloss"),
)


@pytest.mark.parametrize(("definitions", "value", "objective"), NUMBERS)
def test_numbers_that_decisions_settle(definitions, value, objective):
    pair = Pair(program_of(f"space N\n{definitions}\npredict sigmoid({value})\nminimize {objective}\n"), IDS, {})
    relaxed_agrees(pair, 1)
    for seed in range(1, 5):
        derived_agrees(pair, seed)


@pytest.mark.parametrize(
    ("definitions", "value", "objective", "place"),
    [
        ("", "bias() + parameters(bias())", "logloss", "parameters(bias())"),
        ("choose a[k in 1..2] from {1, 3}", "sum(concat(bias(), a[1]))", "logloss", "concat(bias(), a[1])"),
        ("choose a[k in 1..2] from {1, 3}", "sum(a) * bias()", "logloss", "sum(a)"),
        (
            "choose a from {1, 3}\nlet x[k in 1..2] = bias() if k == 1 else a",
            "sum(x)",
            "logloss",
            "bias() if k == 1 else a",
        ),
        (
            "let e[f in fields] = embed(f, choose dim from {1, 2})\n"
            "let m[k in 1..2] = concat(e) if k == 1 else concat(e[f] for f in fields)",
            "linear(tanh(m[2]), 1)",
            "logloss",
            "tanh(m[2])",
        ),
        (
            "let e[f in fields] = embed(f, choose dim from {1, 2})",
            "linear(tanh(dropout(concat(e), 0.1)), 1)",
            "logloss",
            "tanh(dropout(concat(e), 0.1))",
        ),
        (
            "let e[f in fields] = embed(f, choose dim from {1, 2})\nchoose g from {off, on}",
            "linear(concat(e) if g else 0, 1)",
            "logloss",
            "concat(e) if g else 0",
        ),
        ("", "sum(bias() for v in values(user))", "logloss", "sum(bias() for v in values(user))"),
    ],
)
def test_what_has_no_implementation_says_so(definitions, value, objective, place):
    pair = Pair(program_of(f"space N\n{definitions}\npredict sigmoid({value})\nminimize {objective}\n"), IDS, {})
    with pytest.raises(SpaceError) as refused:
        _ = pair.supernet
    assert [(d.code, d.span.text) for d in refused.value.diagnostics] == [("S0630", place)]


NOTHING = """space Nothing
let z = choose k { narrow: embed(user, 2) wide: embed(user, 3) none: 0 }
predict sigmoid(linear(concat(z, embed(item, 2)), 1))
minimize logloss
"""


def test_an_alternative_of_nothing_has_no_weights_beside_widths_that_are_searched():
    relaxed_agrees(Pair(program_of(NOTHING), IDS, {}), 1)


INNER = """space Inner
let z[f in fields] = choose k { some: embed(f, 2) none: 0 }
predict sigmoid(linear(concat(concat(z), embed(user, 8)), 1))
minimize logloss
"""


def test_zeros_are_left_out_of_a_concatenation_in_a_concatenation():
    plain = Pair(program_of(INNER), IDS, {}).plain({"k": (0, 1, 1, 1)})
    (weight,) = [t for t in plain.tensors if t.attribute == "predict_linear__weight"]
    assert weight.shape == (10, 1)

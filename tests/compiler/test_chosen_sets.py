"""Sets that are chosen, in supernets: members weighed by inclusion, and what no member needs gone from derived models."""

import pytest
import torch
from generate import program_of

from recspace.dsl import SpaceError
from recspace.runtime.choices import even, kind, searched

from .agreement import Pair, derived_agrees, model_of, relaxed_agrees, shipped, tensors_of
from .test_agreement import IDS, MIXED

AUTOPI = Pair(shipped("component/autopi.space"), IDS, {"n": 4, "width": 3})
TAKEN = {"takes": ((0,), (0, 1), (0, 1), (0, 2))}
"""Block 4 reads 0 and 2, block 2 reads 0 and 1: nothing needs block 3."""


def blocks_of(compiled):
    """The blocks that have weights: the last part of the keys of layers."""
    return {s.key[1] for t in compiled.tensors for s in t.slices if s.layer.startswith("X.") and len(s.key) == 2}


def chosen(decisions, operator):
    (op,) = (d for d in decisions if d.name != "takes")
    return {**TAKEN, op.name: (op.domains[0].options.index(operator),) * op.elements}


def test_dead_blocks_vanish():
    supernet = AUTOPI.supernet
    assert blocks_of(supernet) == {1, 2, 3, 4}
    architecture = chosen(supernet.graph.decisions, "senet")
    assert blocks_of(AUTOPI.plain(architecture)) == {1, 2, 4}
    assert "X_3" not in AUTOPI.plain(architecture).source
    derived_agrees(AUTOPI, 5, architecture)
    # What skips has no weights; the first block, which nothing else needs, is the fields' embeddings alone.
    assert blocks_of(AUTOPI.plain(chosen(supernet.graph.decisions, "skip"))) == set()


def test_sets_of_unequal_size():
    takes = next(d for d in searched(AUTOPI.supernet.graph) if d.name == "takes")
    assert kind(takes).sizes == (1, 2, 2, 2)
    weights = even(takes)
    assert weights.sum(-1).tolist() == pytest.approx([1, 2, 2, 2])
    assert weights[2].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])


@pytest.mark.parametrize("schema", [IDS, MIXED], ids=["ids", "mixed"])
@pytest.mark.parametrize(
    "text",
    [
        "choose s from subset(fields, 2)\npredict sigmoid(sum(weight(f) for f in s) + mean(weight(f) for f in s))",
        "choose s[f in fields] from subset(1..3, 1..2)\nlearn a[k in 1..3, f in fields] : [2] = 0.5\n"
        "predict sigmoid(sum(dot(a[k, f], embed(f, 2)) for f in fields for k in s[f]))",
        "choose s from subset(fields, 2)\npredict sigmoid(linear(mlp(concat(embed(f, 2) for f in s), [3]), 1))",
        "choose s from subset(fields, 2)\n"
        "predict sigmoid(sum(weight(f) for f in fields if f in s) + sum(linear(embed(f, 2), 1) for f in fields if not f in s))",
    ],
    ids=["sum and mean", "for each field", "concat", "asked for"],
)
def test_sets_agree_with_the_oracle(text, schema):
    pair = Pair(program_of(f"space S\n{text}\nminimize logloss"), schema, {})
    for seed in (1, 2):
        relaxed_agrees(pair, seed)
        derived_agrees(pair, seed)


def test_sets_of_fields_have_no_supernet():
    text = "choose s from subset(subsets(fields, 2), 0..2)\npredict sigmoid(sum(weight(cross(c)) for c in s))\nminimize logloss"
    with pytest.raises(SpaceError, match="S0630"):
        _ = Pair(program_of(f"space S\n{text}"), IDS, {}).supernet


def test_a_member_that_weighs_nothing_hides_its_part():
    model = model_of(AUTOPI.supernet)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters.values():
        parameter.data.normal_(0, 0.5, generator=generator)
    batch = tensors_of(AUTOPI.batch(model.compiled, 1))
    decisions = {d.name: even(d).double() for d in model.compiled.decisions}
    one = {**decisions, "takes": decisions["takes"].clone()}
    one["takes"][3, 3] = 0  # block 4 without block 3: nothing else reads that
    before = model.module.double()(batch, one)
    for tensor in model.compiled.tensors:
        for part in tensor.slices:
            if part.layer.startswith("X.") and len(part.key) == 2 and part.key[1] == 3:
                view = model.tensors[tensor.attribute][tuple(slice(a, b) for a, b in part.box)]
                view.data.add_(1.0)
    torch.testing.assert_close(model.module(batch, one), before, rtol=0, atol=0)
    assert not torch.equal(model.module(batch, decisions), before)

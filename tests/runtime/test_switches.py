"""Every shipped supernet without one of the compiler's passes: the same predictions and gradients, weight by weight."""

import pytest
import small_tables
import torch

import recspace
from recspace.compiler.lower import SWITCHES
from recspace.reading import shipped
from recspace.runtime.choices import even, for_forward
from recspace.runtime.module import build, identity, initialise, region

PASSES = [name for name in SWITCHES if name != "tile"]
NAMES = [name for name in shipped() if name not in small_tables.RANKING]
CASES = [(name, PASSES[k % len(PASSES)]) for k, name in enumerate(NAMES)]
"""All 330 take a minute; each space has one here, each pass seven spaces."""
REFUSED = {("autogroup", "hoist"), ("nis", "prune")}
"""Have no form without the pass, and say so before anything is trained."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_tables.write(tmp_path_factory.mktemp("switches"))


def answered(name, folder, without):
    """Predictions, and gradients by what every weight is."""
    space = recspace.compile(name, small_tables.block_of(folder, name), without=without)
    compiled = space.models.supernet
    model = build(compiled, torch.device("cpu"))
    initialise(model, 1)
    with torch.no_grad():
        for stored in compiled.tensors:
            if stored.embedding and stored.trainable:
                model.tensors[stored.attribute].mul_(1000)  # they start near 0
    model.module.eval()
    encoded = space.verdict.bound.encode(list(compiled.columns))
    batch = encoded.batch(torch.from_numpy(encoded.rows("train"))[:60])
    weights = {d.name: even(d).requires_grad_() for d in compiled.decisions}
    prediction, terms = model.objective(batch, for_forward(compiled.decisions, weights), {})
    learned = {**model.parameters, **weights}
    found = torch.autograd.grad(sum(terms), list(learned.values()), allow_unused=True)
    named = {n: g for n, g in zip(learned, found, strict=True) if g is not None}
    stored = [t for t in compiled.tensors if t.attribute in named]
    by_slice = {identity(s): region(named[t.attribute], s) for t in stored for s in t.slices}
    return prediction.detach(), by_slice | {n: g for n, g in named.items() if n in weights}


@pytest.mark.parametrize(("name", "left_out"), CASES)
def test_without_a_pass_a_supernet_learns_the_same(folder, name, left_out):
    try:
        prediction, gradients = answered(name, folder, ())
    except recspace.SpaceError as refused:
        pytest.skip(f"no supernet: {refused.diagnostics[0].code}")
    if (name, left_out) in REFUSED:
        with pytest.raises(recspace.SpaceError, match="S0630"):
            answered(name, folder, (left_out,))
        return
    other, theirs = answered(name, folder, (left_out,))
    torch.testing.assert_close(other, prediction, rtol=1e-3, atol=1e-5)
    for n in gradients.keys() | theirs.keys():
        either = gradients.get(n, theirs.get(n))  # what nothing reads has no gradient, or zeros
        one, two = (g.get(n, torch.zeros_like(either)) for g in (gradients, theirs))
        torch.testing.assert_close(one, two, rtol=0.01, atol=1e-5)

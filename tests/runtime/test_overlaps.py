"""Families of products that overlap are one family: what a derived model computes is computed once."""

import random

import numpy as np
import polars as pl
import pytest
import torch

import recspace
from recspace.runtime.module import build, initialise

MORE = """space More
let e[f in fields] = embed(f, 3, std = 0.5)
let a = sum(dot(e[i], e[j]) for i < j in {f0, f1, f2})
let b = sum(dot(e[i], e[j]) for i < j in {f0, f1, f3}) * 2
let c = sum(dot(e[i], e[j]) ^ 2 for i < j in {f1, f2, f3})
predict sigmoid(a + b + c)
minimize logloss
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path, rng = tmp_path_factory.mktemp("overlaps") / "t.parquet", np.random.default_rng(0)
    fields = {f"f{k}": rng.integers(0, 4, 200).astype(str) for k in range(6)}
    pl.DataFrame({**fields, "label": rng.integers(0, 2, 200)}).write_parquet(path)
    return path


def both(table, name, architecture=None, **settings):
    """With and without the pass: the text, and what equally trained modules say of the same batch, with gradients."""
    for without in ((), ("share",)):
        space = recspace.compile(name, table, set=settings, without=without)
        compiled = space.compiled(None if architecture is None else architecture(space))
        model = build(compiled, torch.device("cpu"))
        initialise(model, 1)
        generator = torch.Generator().manual_seed(2)
        for parameter in model.parameters.values():
            parameter.data.uniform_(-1, 1, generator=generator)
        encoded = space.verdict.bound.encode(list(compiled.columns))
        prediction, terms = model.objective(encoded.batch(torch.arange(32)), {}, {})
        gradients = torch.autograd.grad(sum(terms), list(model.parameters.values()))
        yield compiled.source, prediction.detach(), gradients


def half(space):
    """Edges at random, in every order others."""
    rng = random.Random(1)
    return {d.name: tuple(rng.randrange(2) for _ in range(d.elements)) for d in space.decisions}


@pytest.mark.parametrize("derived", ["fives", "profit"])
def test_what_is_left_of_every_order_is_computed_once(table, derived):
    (short, p, g), (long, q, h) = both(table, derived, half, K=4, width=3)
    if derived == "fives":
        assert (short.count("torch.einsum("), long.count("torch.einsum(")) == (1, 3)
    torch.testing.assert_close(p, q)
    torch.testing.assert_close(g, h)


def test_pairs_of_several_sums(table, tmp_path):
    (tmp_path / "m.space").write_text(MORE)
    (short, p, g), (long, q, h) = both(table, tmp_path / "m.space")
    assert short != long
    torch.testing.assert_close(p, q)
    torch.testing.assert_close(g, h)

"""Every shipped space starts where it can learn: a gradient reaches all that is trained, and what is predicted moves."""

import numpy as np
import polars as pl
import pytest
import small_tables
import torch

import recspace
from recspace.reading import shipped
from recspace.runtime.module import build, initialise

STEPS = 4
UNREAD = ("autoemb", "esapn")
"""Have tables of every width, of which the hand-made model reads one."""
NORMALIZED = ("autodim", "autodim_autofis_optinter", "autogroup", "compress")
"""Batch norms keep the size of what they multiply and sum, however small the tables are."""
FIELDS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_tables.write(tmp_path_factory.mktemp("beginnings"))


@pytest.mark.parametrize("name", [name for name in shipped() if name not in small_tables.RANKING])
def test_it_learns_from_its_beginning(folder, name):
    space = recspace.compile(name, small_tables.block_of(folder, name))
    model = build(space.unrequired({d.name: d.hand_made for d in space.graph.decisions}), torch.device("cpu"))
    initialise(model, 1)
    encoded = space.verdict.bound.encode(list(model.compiled.columns))
    batch = encoded.batch(torch.from_numpy(encoded.rows("train")))
    generator = torch.Generator().manual_seed(1)
    learning = torch.optim.Adam(model.parameters.values(), lr=0.003)
    for _ in range(STEPS):
        learning.zero_grad()
        noise = {n: torch.rand(shape, generator=generator) for n, shape in model.noise_shapes(batch).items()}
        prediction, terms = model.objective(batch, {}, noise)
        sum(terms).backward()
        learning.step()
    still = [n for n, p in model.parameters.items() if p.grad is None or not p.grad.any()]
    assert not still or name in UNREAD
    assert prediction.detach().std() > 1e-4


@pytest.mark.parametrize("name", NORMALIZED)
def test_what_is_normalized_sums_to_logits_of_size_one(name, tmp_path):
    """Products of normalized vectors, summed over many pairs, would shut every sigmoid: nothing but their size is learned."""
    rng = np.random.default_rng(0)
    fields = {f"f{k}": rng.integers(0, 6, small_tables.ROWS).astype(str) for k in range(FIELDS)}
    pl.DataFrame({**fields, "label": rng.integers(0, 2, small_tables.ROWS)}).write_parquet(tmp_path / "t.parquet")
    space = recspace.compile(name, tmp_path / "t.parquet")
    model = build(space.unrequired({d.name: d.hand_made for d in space.graph.decisions}), torch.device("cpu"))
    initialise(model, 1)
    for part in model.compiled.tensors:
        if part.embedding and part.trainable:
            model.tensors[part.attribute].data.normal_(generator=torch.Generator().manual_seed(1))
    encoded = space.verdict.bound.encode(list(model.compiled.columns))
    batch = encoded.batch(torch.from_numpy(encoded.rows("train")))
    prediction, _ = model.objective(batch, {}, {})
    logits = torch.logit(prediction.detach().double(), eps=1e-12)
    assert 0.01 < logits.std() < 4


CROSSING = {
    "fm": 2,
    "autofis": 2,
    "fives": 2,
    "profit": 2,
    "l0sign": 2,
    "autogroup": 2,
    "optinter": 2,
    "hofm": 3,
    "profit:3": 3,
    "fives:3": 3,
}
"""Spaces that claim interactions of an order, `:3` with no higher ones."""
ROUNDS = 60


@pytest.mark.parametrize("name", CROSSING)
def test_products_are_learned_within_few_steps(name, tmp_path):
    """Of a table in which a field by itself says nothing: a model whose products of small numbers stay small learns nothing."""
    order = CROSSING[name]
    every = np.array(np.meshgrid(*[np.arange(3 if order == 3 else 5)] * order)).reshape(order, -1)
    sign = np.random.default_rng(0).normal(size=every.max(1) + 1)
    for axis in range(order):  # without what fewer fields say
        sign -= sign.mean(axis, keepdims=True)
    rows = np.repeat(every, 4, axis=1)
    fields = {f"f{k}": own.astype(str) for k, own in enumerate(rows)}
    label = (sign[tuple(rows)] > 0).astype(int)
    pl.DataFrame({**fields, "label": label}).write_parquet(tmp_path / "t.parquet")
    space = recspace.compile(name.split(":")[0], tmp_path / "t.parquet", set={"K": 3} if ":" in name else {})
    model = build(space.unrequired({d.name: d.hand_made for d in space.graph.decisions}), torch.device("cpu"))
    initialise(model, 1)
    encoded = space.verdict.bound.encode(list(model.compiled.columns))
    batch = encoded.batch(torch.from_numpy(encoded.rows("train")))
    generator = torch.Generator().manual_seed(1)
    learning = torch.optim.Adam(model.parameters.values(), lr=0.01)
    losses = []
    for _ in range(ROUNDS):
        learning.zero_grad()
        noise = {n: torch.rand(shape, generator=generator) for n, shape in model.noise_shapes(batch).items()}
        _, terms = model.objective(batch, {}, noise)
        sum(terms).backward()
        losses.append(float(terms[0].detach()))
        learning.step()
    assert losses[-1] < 0.6 * losses[0], (losses[0], losses[-1])

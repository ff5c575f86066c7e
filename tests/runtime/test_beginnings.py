"""Every shipped space starts where it can learn: a gradient reaches all that is trained, and what is predicted moves."""

import numpy as np
import polars as pl
import pytest
import torch

import recspace
from recspace.reading import shipped
from recspace.runtime.module import build, initialise

ROWS, STEPS = 600, 4
BLOCKS = {
    "label": "user: category(role = user)\nitem: category(role = item)\ncity: category(role = context)\nage: number(bins = 6)",
    "history": "user: category(role = user)\nitem: category(role = item)\nseen: sequence(of = item, role = history, longest = 5)",
    "nodes": "nodes: many()",
    "rating": "user: category(role = user)\nitem: category(role = item)",
}
NEED = {"din": "history", "ameir": "history", "l0sign_sets": "nodes"} | dict.fromkeys(
    ("autoemb", "esapn", "sif", "sif_autodim", "autoloss_ratings"), "rating"
)
UNREAD = ("autoemb", "esapn")
"""Have tables of every width, of which the hand-made model reads one."""
RANKING = ("mf", "neumf", "bpfis", "bpfis_groups", "rule")
"""Learn from what nobody chose, which is drawn outside of the model: tests/cli/test_topk.py, test_bpfis.py, test_rule.py."""


NORMALIZED = ("autodim", "autodim_autofis_optinter", "autogroup", "compress")
"""Batch norms keep the size of what they multiply and sum, however small the tables are."""
FIELDS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(0)
    items = [f"i{k}" for k in rng.integers(0, 30, ROWS)]
    table = {
        "user": [f"u{k}" for k in rng.integers(0, 20, ROWS)], "item": items,
        "city": [f"c{k}" for k in rng.integers(0, 8, ROWS)], "age": rng.normal(size=ROWS),
        "seen": [list(rng.choice(items, 4)) for _ in range(ROWS)], "nodes": [list(rng.choice(items, 4)) for _ in range(ROWS)],
        "time": np.arange(ROWS) * 3600.0, "label": rng.integers(0, 2, ROWS), "rating": rng.integers(1, 6, ROWS),
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("beginnings")
    pl.DataFrame(table).write_parquet(folder / "t.parquet")
    for name, fields in BLOCKS.items():
        label = "rating" if name == "rating" else "label"
        head = f'source: "t.parquet"\nlabel: {label}\nsplit: time(time, 0.7, 0.1, 0.2)\n'
        (folder / f"{name}.space").write_text(f"data {name} {{\n{head}{fields}\n}}\n")
    return folder


@pytest.mark.parametrize("name", [name for name in shipped() if name not in RANKING])
def test_it_learns_from_its_beginning(folder, name):
    space = recspace.compile(name, folder / f"{NEED.get(name, 'label')}.space")
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
    fields = {f"f{k}": rng.integers(0, 6, ROWS).astype(str) for k in range(FIELDS)}
    pl.DataFrame({**fields, "label": rng.integers(0, 2, ROWS)}).write_parquet(tmp_path / "t.parquet")
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

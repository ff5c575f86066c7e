"""Grids of dimensions from a table to the files of a run: PEP, DNIS and SFM on values with and without an effect."""

import importlib.util
import json

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.dsl import SpaceError
from recspace.running import start as begin
from recspace.runtime.pruning import name_of
from recspace.runtime.report import read_architecture, read_pruned
from recspace.runtime.settings import Settings

USERS, ITEMS, IDLE = 40, 30, 0.5
"""Values of both fields; every second one has no effect."""
RELAX = {
    "pep": "relax(as = soft_threshold, granularity = both, initial = -8, epochs = 4, batch_size = 256, "
    "weights = adam(lr = 0.01, weight_decay = 0.00001))",
    "dnis": "warmup(epochs = 1, batch_size = 256) relax(as = clamp, l1 = 0.00001, bilevel = first_order, "
    "normalize_gradients = true, optimizer = sgd(lr = 0.01), epochs = 2, batch_size = 256, weights = adam(lr = 0.01))",
    "sfm": "relax(as = group_lasso, strength = 0.001, epochs = 8, batch_size = 256, weights = adam(lr = 0.01))",
}
DERIVE = {"pep": "derive()", "dnis": "derive(soft = true, prune = e, keep = 10%)", "sfm": "derive()"}
RETRAIN = {
    "pep": "retrain(epochs = 2, rewind = true, batch_size = 256, optimizer = adam(lr = 0.01))",
    "dnis": "retrain(from = search, epochs = 2, batch_size = 256, optimizer = adam(lr = 0.01))",
    "sfm": "retrain(epochs = 2, from = search, batch_size = 256, optimizer = adam(lr = 0.01))",
}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A user's taste for an item is a product; of idle values it is zero, and they are as frequent as the others."""
    rng = np.random.default_rng(3)
    users, items = rng.integers(0, USERS, 12_000), rng.integers(0, ITEMS, 12_000)
    taste, kind = rng.choice([-1.0, 1.0], (USERS, 2)), rng.choice([-1.0, 1.0], (ITEMS, 2))
    active = (users % 2 == 0) & (items % 2 == 0)
    logit = 2.0 * active * ((taste[users] * kind[items]).sum(1) + taste[users, 0] + kind[items, 1])
    label = (rng.random(12_000) < 1 / (1 + np.exp(-logit))).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    names = {"user": [f"u{u:02}" for u in users], "item": [f"i{i:02}" for i in items], "label": label}
    pl.DataFrame(names).write_parquet(path)
    return path


def compiled(table, name, width=8):
    return recspace.compile(name, table, set={"width": width})


def recipe(name, retrained=True):
    return f"{RELAX[name]} {DERIVE[name]}" + (f" {RETRAIN[name]}" if retrained else "")


@pytest.fixture(scope="module", params=RELAX)
def finished(request, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "run"
    run = recspace.search(compiled(table, request.param), folder, strategy=recipe(request.param), seed=2)
    return request.param, run, folder


def masks(name, space, folder):
    """What is left of every field's table [cardinality, width], out of the files of a run."""
    cards = {"user": USERS, "item": ITEMS}
    if name == "dnis":
        left = read_pruned(folder)
        return {f: left[name_of(("e.embed", (f,)))][1:].numpy() for f in cards}
    architecture, _ = read_architecture(folder, space.decisions)
    on = np.frombuffer(architecture["keep"], dtype=np.uint8) == 1
    found, at = {}, 0
    width = 8 if name == "pep" else 1
    (decision,) = space.decisions
    for f in dict.fromkeys(row[0] for row in decision.rows):
        own = on[at : at + width * cards[f]].reshape(width, cards[f]).T
        found[f], at = np.broadcast_to(own, (cards[f], 8)), at + width * cards[f]
    return found


def test_what_is_left_is_what_the_budget_says(finished, table):
    name, _, folder = finished
    left = sum(int(m.sum()) for m in masks(name, compiled(table, name), folder).values())
    whole = (USERS + ITEMS) * 8
    if name != "sfm":
        assert left == whole // 10
    else:
        assert 0 < left < whole
    stored = load_file(folder / "model.safetensors")
    embedded = next(t for n, t in stored.items() if n.startswith("kept_embed_8") and t.is_floating_point())
    assert embedded.numel() == left


def test_bytes_are_those_of_the_files(finished):
    _, run, folder = finished
    stored = load_file(folder / "model.safetensors")
    tables = {n: t for n, t in stored.items() if n.startswith(("kept_", "blocks_", "weights"))}
    report = run.report
    assert report["searched"]["embedding_bytes"] == sum(t.nbytes for t in tables.values())
    assert report["searched"]["file_bytes"] == (folder / "model.safetensors").stat().st_size
    assert report["searched"]["file_bytes"] < report["hand_made"]["file_bytes"]
    assert report["searched"]["embedding_bytes"] < report["hand_made"]["embedding_bytes"]
    learned = sum(t.numel() for n, t in stored.items() if t.is_floating_point() and not n.startswith("keep"))
    assert report["searched"]["parameters"] == learned


def test_a_loaded_run_predicts_as_its_text_does(finished, table):
    name, _, folder = finished
    spec = importlib.util.spec_from_file_location(f"model_{name}", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alone = getattr(module, name.upper())().eval()
    alone.load_state_dict(load_file(folder / "model.safetensors"))
    with torch.no_grad():
        found = alone(recspace.Run(folder).batch(table))
    assert torch.allclose(found.double(), torch.from_numpy(recspace.Run(folder).predict(table)), atol=1e-6)
    assert found.std() > 0.01


@pytest.mark.parametrize("name", RELAX)
def test_a_derived_model_is_the_masked_supernet(table, tmp_path, name):
    """Without training anew: to 1e-6."""
    space = compiled(table, name)
    # Thresholds shrink what they leave, and a derived model has what was there before: compared with gates of 0 and 1.
    run = recspace.search(space, tmp_path / "run", strategy=recipe(name, retrained=False), seed=2)
    from recspace.runtime.module import build, region

    supernet = build(space.compiled(), torch.device("cpu"))
    supernet.load(load_file(tmp_path / "run" / "supernet.safetensors"))
    left = masks(name, space, tmp_path / "run")
    choices = {"keep": torch.ones(space.decisions[0].elements)}
    if name == "dnis":
        document = json.loads((tmp_path / "run" / "architecture.json").read_text())
        choices = {"keep": torch.tensor([e["weight"] for e in document["decisions"][0]["elements"]])}
    with torch.no_grad():
        for tensor in supernet.compiled.tensors:
            for part in tensor.slices:
                if tensor.embedding and tensor.trainable and part.name == "table" and "wide" not in part.layer:
                    view = region(supernet.tensors[tensor.attribute], part)
                    mask = torch.from_numpy(left[part.key[0]].copy())[:, : view.shape[1]]
                    view[1:] *= mask
                    view[0] = 0
        supernet.module.eval()
        expected = supernet.module(recspace.Run(tmp_path / "run").batch(table), choices)
    found = torch.from_numpy(run.predict(table))
    assert torch.allclose(found, expected.double(), atol=1e-6)
    assert found.std() > 0.01


@pytest.mark.parametrize("finished", ["pep", "sfm"], indirect=True)
def test_values_without_effect_go_first(finished, table):
    name = finished[0]
    left = masks(name, compiled(table, name), finished[2])
    # Ids go by frequency: which value an id stands for is in the vocabulary that the run keeps.
    for field in left:
        values = vocabulary(finished[2], field)
        active = np.array([int(v[1:]) % 2 == 0 for v in values])
        kept = left[field].sum(1)
        assert kept[active].sum() > 9 * kept[~active].sum(), (field, kept)


def vocabulary(folder, field):
    return pl.read_parquet(folder / "encoding" / f"vocabulary-00{['user', 'item'].index(field)}.parquet")[
        "value"
    ].to_list()


def test_a_run_that_was_cut_off_ends_with_the_same_bits(finished, table, tmp_path):
    name = finished[0]
    folder = tmp_path / "run"
    space, settings = compiled(table, name), Settings(seed=2, strategy=recipe(name), checkpoint_steps=35)
    start = lambda stop: begin(space, settings, folder, stop)  # noqa: E731
    again = lambda stop: recspace.Run(folder).resume(progress=stop)  # noqa: E731
    assert interruptions(start, again, 60) > 2
    assert essence(folder) == essence(finished[2])


SPACE = """space S
choose keep[f in fields, v in values(f), k in 1..2] from {off, on}
let r[f in fields] = embed(f, 2)
let e[f in fields] = r[f] * keep[f, value(f), :]
predict sigmoid(dot(e[user], e[item]) + MORE)
minimize logloss
"""
REFUSED = {
    "nothing settles what meets it": (
        "bias()",
        "require parameters(e) <= 10%",
        "warmup(epochs = 1) train(epochs = 1)",
        "S0630",
    ),
    "no bound on parameters": ("bias()", "require parameters() >= 10", "relax(as = soft_threshold) derive()", "S0630"),
    "something else reads it": ("dot(r[user], r[item])", "", "relax(as = soft_threshold) derive()", "S0605"),
    "never met": (
        "linear(concat(r[user], r[item]), 1)",
        "require parameters() <= 3",
        "relax(as = sigmoid) derive()",
        "S0640",
    ),
    "nothing is trained": ("bias()", "", "derive(prune = r, keep = 10%)", "S0603"),
    "no table": ("bias()", "", "relax(as = sigmoid) derive(prune = e, keep = 10%)", "S0603"),
    "step by step": ("bias()", "", "progressive(along = k, step = relax(as = group_lasso)) derive()", "S0605"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_met_is_refused(table, tmp_path, name):
    more, require, strategy, code = REFUSED[name]
    (tmp_path / "s.space").write_text(SPACE.replace("MORE", more) + require)
    space = recspace.compile(tmp_path / "s.space", table)
    short = strategy.replace("sigmoid", "sigmoid, epochs = 1, batch_size = 4096")
    with pytest.raises(SpaceError) as refused:
        recspace.search(space, tmp_path / "run", strategy=short)
    assert [d.code for d in refused.value.diagnostics] == [code]
    assert refused.value.diagnostics[0].help
    trained = (tmp_path / "run" / "events.jsonl").exists() and "finished" in (
        tmp_path / "run" / "events.jsonl"
    ).read_text()
    assert not trained

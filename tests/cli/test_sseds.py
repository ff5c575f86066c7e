"""SSEDS from a table to the files of a run, as a user starts it."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.compiler.cost import cost
from recspace.running import start as begin
from recspace.runtime.choices import one_hots
from recspace.runtime.module import build, region, transfer
from recspace.runtime.registry import promises
from recspace.runtime.report import read_architecture
from recspace.runtime.settings import Settings

WIDTH, CARDS = 8, {"user": 40, "item": 30, "kind": 3}
ADAM = "batch_size = 256, optimizer = adam(lr = 0.02)"
RECIPE = f"warmup(epochs = 4, {ADAM}) salience(batches = all) derive() retrain(epochs = 2, {ADAM})"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The taste of a user for an item is a product; a third field says nothing."""
    rng = np.random.default_rng(3)
    ids = {name: rng.integers(0, count, 3000) for name, count in CARDS.items()}
    taste, kind = rng.choice([-1.5, 1.5], (40, 2)), rng.choice([-1.0, 1.0], (30, 2))
    logit = (taste[ids["user"]] * kind[ids["item"]]).sum(1) + taste[ids["user"], 0]
    label = (rng.random(3000) < 1 / (1 + np.exp(-logit))).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    columns = {name: [f"{name[0]}{v:02}" for v in values] for name, values in ids.items()}
    pl.DataFrame({**columns, "label": label}).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sseds") / "run"
    command = ["run", "sseds", "--data", str(table), "--set", f"width={WIDTH}", "--strategy", RECIPE, "--seed", "2"]
    found = subprocess.run(
        [sys.executable, "-m", "recspace", *command, "-o", str(folder)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return folder


def space_of(table):
    return recspace.compile("sseds", table, set={"width": WIDTH})


def test_the_budget_is_met_by_what_is_stored(folder, table):
    report = json.loads((folder / "report.json").read_text())
    (derived,) = [s for s in report["stages"] if s["stage"].endswith(".derive")]
    (told,) = derived["budgets"]
    allowed = int(0.3 * WIDTH * sum(CARDS.values()))
    assert told["allowed"] == allowed
    # What is left over buys no column of any table that is not whole.
    assert allowed - max(CARDS.values()) < told["kept"] <= allowed
    stored = load_file(folder / "model.safetensors")
    tables = {n: t for n, t in stored.items() if n.startswith("embed_")}
    compiled = derived_model(folder, table)
    assert sum(t.numel() for t in tables.values()) == told["kept"] + unknown(compiled, tables)
    assert all(t.shape[1] == int(n.split("_")[1]) for n, t in tables.items())
    assert report["searched"]["embedding_bytes"] == sum(
        t.nbytes for n, t in stored.items() if n.startswith(("embed_", "weights"))
    )
    assert report["searched"]["file_bytes"] == (folder / "model.safetensors").stat().st_size
    assert report["searched"]["embedding_bytes"] < 0.5 * report["hand_made"]["embedding_bytes"]


def derived_model(folder, table):
    space = space_of(table)
    return space.compiled(read_architecture(folder, space.decisions)[0])


def unknown(compiled, tables):
    """The numbers of the rows of unknown values, of which every field has one."""
    held = {t.attribute: len(t.slices) for t in compiled.tensors}
    return sum(t.shape[1] * held[name] for name, t in tables.items())


def test_costs_are_what_is_stored(folder, table):
    space = space_of(table)
    architecture, _ = read_architecture(folder, space.decisions)
    stored = load_file(folder / "model.safetensors")
    tables = {n: t for n, t in stored.items() if n.startswith(("embed_", "weights"))}
    counted = cost("parameters", space.graph, space.schema, promises(), architecture)
    assert sum(t.numel() for t in stored.values()) == counted + unknown(derived_model(folder, table), tables)


def test_the_salience_of_a_column_is_what_the_paper_says(folder, table):
    """|Σ over values of number · ∂L/∂number| of every column of every table, nothing pruned (equation 7 there)."""
    space = space_of(table)
    supernet = space.compiled()
    plain = build(space.unrequired({"keep": (1,) * space.decisions[0].elements}), torch.device("cpu"))
    transfer(load_file(folder / "supernet.safetensors"), supernet, plain)
    plain.module.eval()
    encoded = space.verdict.bound.encode([*plain.compiled.columns])
    batch = encoded.batch(torch.from_numpy(encoded.rows("valid").copy()))
    _, (loss,) = plain.objective(batch)
    (embed,) = [t for t in plain.compiled.tensors if t.attribute.startswith("embed_")]
    own = plain.parameters[embed.attribute]
    (slope,) = torch.autograd.grad(loss, [own])
    expected = {part.key[0]: region((own * slope).detach(), part).sum(0).abs() for part in embed.slices}
    document = json.loads((folder / "architecture.json").read_text())
    for element in document["decisions"][0]["elements"]:
        field, column = element["key"]
        assert element["weight"] == pytest.approx(float(expected[field][column - 1]), rel=1e-3, abs=1e-7)


def test_the_text_alone_predicts_as_the_run_does(folder, table):
    spec = importlib.util.spec_from_file_location("sseds_model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alone = module.SSEDS().eval()
    alone.load_state_dict(load_file(folder / "model.safetensors"))
    with torch.no_grad():
        found = alone(recspace.Run(folder).batch(table)).double()
    assert torch.allclose(found, torch.from_numpy(recspace.Run(folder).predict(table)), atol=1e-6)
    assert json.loads((folder / "report.json").read_text())["searched"]["test"]["auc"] > 0.65


def test_without_training_anew_it_is_the_masked_supernet(table, tmp_path):
    """The columns that are left are those of the supernet, also where it starts from what the search has learned."""
    space = space_of(table)
    run = recspace.search(space, tmp_path / "run", strategy=RECIPE.split(" retrain")[0], seed=2)
    supernet = build(space.compiled(), torch.device("cpu"))
    supernet.load(load_file(tmp_path / "run" / "supernet.safetensors"))
    supernet.module.eval()
    architecture, _ = read_architecture(tmp_path / "run", space.decisions)
    with torch.no_grad():
        expected = supernet.module(run.batch(table), one_hots(space.decisions, architecture))
    assert torch.allclose(torch.from_numpy(run.predict(table)), expected.double(), atol=1e-6)
    assert expected.std() > 0.01


def test_a_run_that_was_cut_off_ends_with_the_same_bits(folder, table, tmp_path):
    again = tmp_path / "run"
    space, settings = space_of(table), Settings(seed=2, strategy=RECIPE, checkpoint_steps=15, set=(f"width={WIDTH}",))
    start = lambda stop: begin(space, settings, again, stop)  # noqa: E731
    resume = lambda stop: recspace.Run(again).resume(progress=stop)  # noqa: E731
    assert interruptions(start, resume, 25) > 2
    assert essence(again)[0] == essence(folder)[0]

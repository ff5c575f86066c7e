"""Compressed tables from a table to the files of a run: a budget met, bytes on disk, a model that stands alone."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file

import recspace
from recspace.compiler.cost import cost
from recspace.dsl import SpaceError, library_path
from recspace.running import start as begin
from recspace.runtime.registry import promises
from recspace.runtime.report import read_architecture
from recspace.runtime.settings import Settings

CARDS = {"user": 300, "item": 200, "kind": 3}
RECIPE = "relax(as = {}, epochs = 2, batch_size = 256) derive() retrain(epochs = 2, batch_size = 256)"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(3)
    ids = {name: rng.integers(0, count, 2500) for name, count in CARDS.items()}
    label = (rng.random(2500) < 0.2 + 0.6 * (ids["user"] % 2)).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    columns = {name: [f"{name[0]}{v:03}" for v in values] for name, values in ids.items()}
    pl.DataFrame({**columns, "price": rng.random(2500), "label": label}).write_parquet(path)
    return path


OWN = """space Compress
let e[f in fields] = embed(f, 4, table = {kind} if f != price else full, codewords = 8)
predict sigmoid(linear(mlp(concat(e), [8]), 1))
minimize logloss
"""


def run(table, folder, strategy, space="compress", **params):
    space = recspace.compile(space, table, set=params)
    begin(space, Settings(seed=2, strategy=strategy), folder)
    return space, recspace.Run(folder)


def bytes_of(folder):
    """Of the tables of `e`: every tensor of the file that rows of values lie in, without those of wide()."""
    stored = load_file(folder / "model.safetensors")
    names = ("embed_", "hashed_", "quotient_", "remainder_", "core_", "queries_", "codewords_", "int8_")
    return {name: t for name, t in stored.items() if name.startswith(names)}


def test_a_sampler_meets_the_budget(table, tmp_path):
    text = (library_path() / "embedding" / "compress.space").read_text().replace("<= 10%", "<= 30%")
    (tmp_path / "own.space").write_text(text)
    space, found = run(
        table, tmp_path / "run", "tpe(trials = 2, epochs = 1, batch_size = 512)", tmp_path / "own.space", width=8
    )
    architecture, _ = read_architecture(found.folder, space.decisions)
    assert space.purse.met(architecture)
    assert not space.purse.met({"table": (0,) * 3, "dim": (2,) * 4})


def test_a_budget_that_nothing_meets_is_refused(table, tmp_path):
    text = (library_path() / "embedding" / "compress.space").read_text().replace("<= 10%", "<= 1%")
    (tmp_path / "own.space").write_text(text)
    with pytest.raises(SpaceError, match="S0640") as refused:
        run(table, tmp_path / "run", RECIPE.format("softmax"), tmp_path / "own.space")
    assert "bytes" in refused.value.diagnostics[0].message


@pytest.mark.parametrize("relaxation", ["softmax", "gumbel"])
def test_a_relaxation_meets_the_budget(table, tmp_path, relaxation):
    space, found = run(table, tmp_path / "run", RECIPE.format(relaxation), width=8)
    (derived,) = [s for s in found.report["stages"] if s["stage"].endswith(".derive")]
    (told,) = derived["budgets"]
    architecture, _ = read_architecture(found.folder, space.decisions)
    assert told["kept"] <= told["allowed"]
    own = bytes_of(found.folder)
    # Rows of unknown values come on top of what is counted.
    assert told["kept"] <= sum(t.nbytes for t in own.values()) <= told["kept"] + 4 * 16 * 3 * 3
    assert found.report["searched"]["embedding_bytes"] < 0.35 * found.report["hand_made"]["embedding_bytes"]
    counted = cost("memory", space.graph, space.schema, promises(), architecture)
    assert counted <= found.report["searched"]["file_bytes"]


ALONE = """
import sys, torch
from safetensors.torch import load_file, save_file
sys.path.insert(0, ".")
from model import Compress
model = Compress()
model.load_state_dict(load_file("model.safetensors"))
model.eval()
assert not any(name.startswith("recspace") for name in sys.modules)
with torch.no_grad():
    save_file({"p": model(load_file("batch.safetensors"))}, "alone.safetensors")
"""


@pytest.mark.parametrize("kind", ["int8", "codes", "tensor_train", "quotient"])
def test_a_fixed_kind_is_what_is_stored(table, tmp_path, kind):
    from safetensors.torch import save_file

    (tmp_path / "own.space").write_text(OWN.format(kind=kind))
    _, found = run(table, tmp_path / "run", "train(epochs = 2, batch_size = 256)", tmp_path / "own.space")
    own = bytes_of(found.folder)
    dtypes = {"int8": {"torch.int8", "torch.float32"}, "codes": {"torch.uint8", "torch.float32"}}
    assert {str(t.dtype) for t in own.values()} == dtypes.get(kind, {"torch.float32"})
    save_file(found.batch(table), found.folder / "batch.safetensors")
    subprocess.run([sys.executable, "-c", ALONE], cwd=found.folder, check=True, env={"PATH": ""})
    alone = load_file(found.folder / "alone.safetensors")["p"].numpy()
    np.testing.assert_allclose(found.predict(table), alone, rtol=0, atol=1e-6)
    with pytest.raises(SpaceError, match="S0656"):
        found.extend(table, tmp_path / "more")


def test_pruning_compressed_tables_is_refused(table, tmp_path):
    with pytest.raises(SpaceError, match="S0753"):
        run(table, tmp_path / "run", "relax(as = softmax) derive(prune = e, keep = 10%) retrain()")

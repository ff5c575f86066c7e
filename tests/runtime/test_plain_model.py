"""What a run hands back works without recspace: the module and its weights are all that is needed."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import save_file
from stage_by_hand import context, started

import recspace
from recspace.running import inputs_of
from recspace.runtime.data.bind import bind
from recspace.runtime.data.infer import infer
from recspace.runtime.data.synth import Plan, write
from recspace.runtime.module import region
from recspace.runtime.task import Found

SPACE = """
space Plain "Gates with weights of their own"

let e[f in fields] = embed(f, 4)
choose keep[i < j in fields] from {off, on}
let pairs = sum(keep[i, j] * batch_norm[i, j](dot(e[i], e[j]), affine = false) for i < j in fields)
predict  sigmoid(bias() + sum(weight(f) for f in fields) + pairs)
minimize logloss

search {
  relax(as = gate, initial = 0.6, optimizer = grda(c = 0.05, mu = 0.8), epochs = 2)
  derive(by = magnitude, top = 4)
  retrain(epochs = 1, gates = GATES)
}
"""

ALONE = """
import importlib.util, sys
import torch
from safetensors.torch import load_file

sys.modules["recspace"] = None
spec = importlib.util.spec_from_file_location("model", "model.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.Plain()
model.load_state_dict(load_file("model.safetensors"))
batch = load_file("batch.safetensors")
with torch.no_grad():
    prediction = model.eval()(batch)
label = batch[":label"]
loss = torch.nn.functional.binary_cross_entropy(prediction.double(), label.double())
print(float(loss), model.keep_weights.tolist())
"""


NARROWER = """
space Narrower "A layer that gets narrower"
let e[f in fields] = embed(f, 4)
choose use[f in fields] from {off, on}
predict  sigmoid(linear(mlp(concat(e[f] for f in fields if use[f]), [8]), 1))
minimize logloss
search { relax(as = sigmoid) derive(top = 2) retrain() }
"""


@pytest.mark.parametrize(("options", "same"), [("rewind = true", True), ("from = initial", False)])
def test_rewinding_is_exact_where_a_layer_gets_narrower(tmp_path, options, same):
    """Fewer inputs make a Xavier bound larger: the derived model's own start is not where the supernet started."""
    write(Plan(fields=5, cardinality=8, rows=600, groups=1, decoys=0, seed=2), tmp_path / "table.parquet")
    (tmp_path / "narrower.space").write_text(NARROWER)
    inputs = inputs_of(recspace.compile(tmp_path / "narrower.space", tmp_path / "table.parquet"))
    rows = inputs.encode(list(inputs.factory(None).columns))
    place = context(Found(architecture={"use": (1, 0, 0, 1, 0)}), inputs.factory, rows, graph=inputs.graph)
    model = started(f"retrain({options})", place).fit.model
    start = place.model(place.supernet)
    (weight,) = (t for t in place.supernet.tensors if t.slices[0].name == "0.weight")
    (narrow,) = (t for t in model.compiled.tensors if t.slices[0].name == "0.weight")
    assert narrow.shape[0] < weight.shape[0]
    rows = {p.part: p for p in weight.slices}
    for part in narrow.slices:
        mine, theirs = (
            region(model.tensors[narrow.attribute], part),
            region(start.tensors[weight.attribute], rows[part.part]),
        )
        assert torch.equal(mine, theirs) == same
        assert same or (mine.abs().max() > theirs.abs().max())


@pytest.mark.parametrize("gates", ["fixed", "trained"])
def test_the_module_and_its_weights_are_all(tmp_path, gates):
    write(Plan(fields=5, cardinality=8, rows=3000, groups=2, decoys=0, seed=2), tmp_path / "table.parquet")
    (tmp_path / "plain.space").write_text(SPACE.replace("GATES", gates))
    run = recspace.search(
        recspace.compile(tmp_path / "plain.space", tmp_path / "table.parquet"), tmp_path / "run", seed=1
    )
    kept = run.architecture["decisions"][0]["elements"]
    assert any(e["value"] == "on" for e in kept)
    assert any(e["value"] == "off" for e in kept)

    run_parameters = list(run.model().parameters())
    bound = bind(infer(tmp_path / "table.parquet"), seed=1)
    columns = recspace.compile(tmp_path / "plain.space", tmp_path / "table.parquet").compiled().columns
    encoded = bound.encode(columns)
    batch = encoded.batch(torch.from_numpy(encoded.rows("test")))
    save_file({k: np.ascontiguousarray(v.numpy()) for k, v in batch.items()}, tmp_path / "run" / "batch.safetensors")
    out = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path / "run", capture_output=True, text=True, check=True, timeout=120
    )
    with torch.no_grad():
        expected = run.model()({k: v for k, v in batch.items() if k != ":label"}).double().numpy()
    table = pl.read_parquet(tmp_path / "table.parquet")[encoded.rows("test").tolist()]
    unseen = table.drop("label").with_columns(f1=pl.lit("never seen"))
    table.drop("label").write_csv(tmp_path / "new.csv")
    unseen.write_parquet(tmp_path / "unseen.parquet")
    assert np.array_equal(run.predict(tmp_path / "new.csv"), expected)
    assert np.isfinite(run.predict(tmp_path / "unseen.parquet")).all()
    unseen.drop("f2").write_parquet(tmp_path / "lacking.parquet")
    with pytest.raises(recspace.SpaceError, match="no column `f2`"):
        run.predict(tmp_path / "lacking.parquet")

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "plain.space").rename(tmp_path / "elsewhere" / "other.space")
    with pytest.raises(recspace.SpaceError) as gone:
        run.model()
    assert "--file" in gone.value.diagnostics[0].help
    again = run.model(file=tmp_path / "elsewhere" / "other.space")
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), run_parameters, strict=True))
    (tmp_path / "elsewhere" / "other.space").write_text(
        SPACE.replace("GATES", gates).replace("embed(f, 4)", "embed(f, 5)")
    )
    with pytest.raises(recspace.SpaceError, match=r"S0704.*space changed"):
        run.model(file=tmp_path / "elsewhere" / "other.space")

    loss, weights = out.stdout.split(" ", 1)
    assert float(loss) == pytest.approx(run.report["searched"]["test"]["logloss"], abs=1e-6)
    for element, weight in zip(kept, json.loads(weights), strict=True):
        assert (weight == 0) == (element["value"] == "off")

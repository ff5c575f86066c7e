"""What a run hands back works without recspace: the module and its weights are all that is needed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import recspace
from recspace.runtime.data.bind import bind
from recspace.runtime.data.infer import infer
from recspace.runtime.data.synth import Plan, write

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

    bound = bind(infer(tmp_path / "table.parquet"), seed=1)
    columns = recspace.compile(tmp_path / "plain.space", tmp_path / "table.parquet").compiled().columns
    encoded = bound.encode(columns)
    batch = encoded.batch(__import__("torch").from_numpy(encoded.rows("test")))
    save_file({k: np.ascontiguousarray(v.numpy()) for k, v in batch.items()}, tmp_path / "run" / "batch.safetensors")
    out = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path / "run", capture_output=True, text=True, check=True, timeout=120
    )
    loss, weights = out.stdout.split(" ", 1)
    assert float(loss) == pytest.approx(run.report["searched"]["test"]["logloss"], abs=1e-6)
    for element, weight in zip(kept, json.loads(weights), strict=True):
        assert (weight == 0) == (element["value"] == "off")

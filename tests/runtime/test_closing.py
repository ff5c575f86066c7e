"""What the loss rises by where an edge is shut that examples decide; and how many rows a step has where nothing says it."""

import json
from dataclasses import replace

import pytest

import recspace
from recspace.chosen import line
from recspace.compiler.decisions import Decision, Domain
from recspace.runtime import closing as module
from recspace.runtime.data.synth import Plan, write
from recspace.runtime.fitting import batch_size

SPACE = """space Edges
let e[f in fields] = embed(f, 6, std = 1)
let s[f in fields] = embed(f, 6, mean = 0.2, std = 0.5)
choose edge[i < j in fields] from {off, on} default on given 0.5 + linear(mlp(s[i] * s[j], [16]), logits)
let z[i < j in fields] = linear(mlp(e[i] * e[j], [16]), 6)
let h[i in fields] = mean(z[i, j] for j in fields - {i} if edge[i, j])
predict  sigmoid(bias() + mean(linear(h[f], 1, bias = false) for f in fields))
minimize logloss + 0.1 * l0(edge)
search {
  warmup(epochs = 4, batch_size = 256, optimizer = adam(lr = 0.02))
  relax(as = hard_concrete, epochs = 3, batch_size = 256, optimizer = adam(lr = 0.01), weights = adam(lr = 0.01))
}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of six edges one is planted; `f04` repeats one of its ends."""
    folder = tmp_path_factory.mktemp("edges")
    truth = write(Plan(4, 6, 12_000, 1, decoys=1, seed=3), folder / "planted.parquet")
    (folder / "edges.space").write_text(SPACE)
    space = recspace.compile(folder / "edges.space", folder / "planted.parquet")
    return recspace.search(space, folder / "run", seed=1), truth


def test_the_edge_that_was_planted_is_what_the_loss_needs(run):
    found, truth = run
    (entry,) = found.architecture["decisions"]
    costs = {frozenset(e["key"]): e["closing"] for e in entry["elements"]}
    planted = costs.pop(frozenset(truth.groups[0]))
    assert planted > 0.02
    assert all(cost < planted / 2 for cost in costs.values())
    said = line(entry)
    assert said.startswith("edge: decided by every example: ")
    assert f"the loss needs most {'×'.join(truth.groups[0])} " in said


def test_a_run_that_is_read_again_knows_it_still(run):
    found, _ = run
    assert json.loads((found.folder / "architecture.json").read_text()) == recspace.Run(found.folder).architecture


def test_only_gates_of_examples_that_are_few_are_shut_one_by_one():
    gate = Domain("gate", ("off", "on"))
    keys = (("a",), ("b",))
    own = Decision("g", ("f in fields",), 2, keys, (gate,), given="example")
    assert module._shut_one_by_one(own)
    assert not module._shut_one_by_one(replace(own, given=""))
    assert not module._shut_one_by_one(replace(own, axes=("i in elements(f)",)))
    assert not module._shut_one_by_one(replace(own, elements=module.ELEMENTS + 1))


@pytest.mark.parametrize(
    ("rows", "epochs", "size"),
    [(1, 10, 32), (3_000, 10, 32), (4_096, 8, 64), (8_878, 10, 128), (8_878, 1, 32), (65_535, 8, 512), (65_536, 8, 1024), (65_536, 1, 128),
     (10_000_000, 1, 1024)],
)  # fmt: skip
def test_small_tables_are_trained_in_small_batches(rows, epochs, size):
    assert batch_size("auto", rows, epochs) == size
    assert batch_size(77, rows, epochs) == 77

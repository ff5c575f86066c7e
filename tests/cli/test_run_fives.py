"""FIVES layer by layer, from a generated table to the report."""

import json

import pytest

from .calling import call, triples


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fives")
    triples(folder / "t.parquet", 4, 2000)
    how = ("--strategy", "layered", "--set", "K=4", "--set", "width=3", "--epochs", "2", "--seed", "1")
    result = call("run", "fives", "--data", folder / "t.parquet", "-o", folder / "run", *how)
    assert result.returncode == 0, result.stderr
    return folder / "run"


def test_lower_layers_are_binary_and_the_last_one_is_as_it_was_learned(finished):
    (adjacent,) = json.loads((finished / "architecture.json").read_text())["decisions"]
    layers = {k: [e for e in adjacent["elements"] if e["key"][0] == k] for k in (2, 3, 4)}
    for k in (2, 3):
        assert {e["weight"] for e in layers[k]} == {0.0, 1.0}
    assert len({e["weight"] for e in layers[4]} - {0.0, 1.0}) > 5
    assert all((e["weight"] > 0.5) == (e["value"] == "on") for own in layers.values() for e in own)
    assert all(len({e["value"] for e in own}) == 2 for own in layers.values())


def test_the_whole_path_is_run(finished):
    report = json.loads((finished / "report.json").read_text())
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.progressive", "1.derive", "2.retrain"]
    assert report["stages"][1]["along"] == [2, 3, 4]
    assert 0 < report["searched"]["test"]["auc"] < 1
    assert (finished / "model.safetensors").is_file()


def test_interactions_are_ranked_though_their_gates_have_come_to_the_same(finished):
    how = (
        "--strategy",
        "relax(as = sigmoid, temperature = 1.0 -> 0.001, epochs = 2) derive()",
        "--set",
        "K=3",
        "--set",
        "width=3",
    )
    table, folder = finished.parent / "t.parquet", finished.parent / "cold"
    assert call("run", "fives", "--data", table, "-o", folder, *how).returncode == 0
    (adjacent,) = json.loads((folder / "architecture.json").read_text())["decisions"]
    on = [e["weight"] for e in adjacent["elements"] if e["value"] == "on"]
    assert len(set(on)) < len(on) / 2
    weights = [i["weight"] for i in adjacent["interactions"]]
    assert all(0 < w < 1 for w in weights)
    assert len(set(weights)) > 0.9 * len(weights)
    assert weights == sorted(weights, reverse=True)

"""BP-FIS from a generated table of positives to a module of its own, in processes of their own."""

import importlib.util
import json

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import recspace
from recspace.pages.runs import run_data

from .calling import call

SYNTH = ("--implicit", "--users", "120", "--items", "60", "--rows", "3000", "--seed", "2")
HOW = ("--set", "width=8", "--set", "p1=0.4", "--epochs", "6", "--seed", "1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bpfis")
    assert call("data", "synth", "-o", folder / "t.parquet", *SYNTH).returncode == 0
    result = call("run", "bpfis", "--data", folder / "t.parquet", "-o", folder / "run", *HOW)
    assert result.returncode == 0, result.stderr
    return folder


def test_it_ranks_and_keeps_heredity(finished):
    report = json.loads((finished / "run" / "report.json").read_text())
    assert {"recall@20", "ndcg@20", "recall@10", "ndcg@10"} == set(report["searched"]["test"])
    assert all(0 < value < 1 for value in report["searched"]["test"].values())
    decisions = json.loads((finished / "run" / "architecture.json").read_text())["decisions"]
    first, second = ({tuple(e["key"]): e["value"] for e in d["elements"]} for d in decisions)
    assert len(first) == 2 * 120
    assert len(second) == 120
    for (u, i, j), value in second.items():
        if first[u, i] == first[u, j]:
            assert value == first[u, i]


def test_what_is_told_and_shown_is_by_field_and_pair(finished):
    data = run_data(finished / "run")
    told = [event for event in data["events"] if event["event"] == "progress" and "weights" in event]
    assert [len(told[-1]["weights"][name]) for name in ("first", "second")] == [2, 1]
    assert all(0.05 < value < 1 for event in told for value in event["entropy"].values())
    assert told[-1]["entropy"] != told[0]["entropy"]
    decisions = json.loads((finished / "run" / "architecture.json").read_text())["decisions"]
    for entry, shown in zip(decisions, data["decided"], strict=True):
        by_row = {}
        for element in entry["elements"]:
            by_row.setdefault(tuple(element["key"][1:]), []).append(element["value"] == "on")
        assert shown["values"] == [sum(own) / len(own) for own in by_row.values()]
    first = data["graph"]["decisions"][0]
    assert (first["keys"], first["copies"]) == ([["user"], ["item"]], [120, 120])
    assert data["words"][0].startswith("first: ")
    assert "item " in data["words"][0]


def test_the_text_and_its_weights_are_all_that_a_module_needs(finished):
    """What was settled for each user lies in a buffer: the module is plain torch."""
    run = finished / "run"
    source = (run / "model.py").read_text()
    assert "recspace" not in source.split('"""', 2)[2].replace("recspace.Run", "")
    spec = importlib.util.spec_from_file_location("model", run / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alone = module.BPFIS().eval()
    weights = load_file(run / "model.safetensors")
    assert weights["first_options"].dtype == torch.bool
    alone.load_state_dict(weights)
    rows = finished / "rows.parquet"
    pl.read_parquet(finished / "t.parquet").head(50).write_parquet(rows)
    batch = recspace.Run(run).batch(rows)
    with torch.no_grad():
        found = alone(batch)
    assert torch.allclose(found.double(), torch.from_numpy(recspace.Run(run).predict(rows)))
    with torch.no_grad():
        alone.second_options.fill_(False)
        alone.first_options.fill_(False)
        assert not torch.allclose(alone(batch), found)


def test_a_user_is_fixed_by_the_id_of_the_value(finished):
    result = call(
        "run", "bpfis", "--data", finished / "t.parquet", "-o", finished / "fixed", *HOW, "--fix", "first[7,*]=off"
    )
    assert result.returncode == 0, result.stderr
    decisions = json.loads((finished / "fixed" / "architecture.json").read_text())["decisions"]
    off = [e["name"] for d in decisions for e in d["elements"] if e["key"][0] == 7 and e["value"] == "off"]
    assert off == ["first[7,user]", "first[7,item]", "second[7,user,item]"]

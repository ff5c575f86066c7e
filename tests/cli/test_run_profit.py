"""PROFIT from a generated table to the report: orders one after the other, kept gates as weights of the plain model."""

import json
from math import comb

import pytest

from .calling import call, called, triples

ARGUMENTS = ("--set", "K=3", "--set", "width=4", "--epochs", "1", "--seed", "3")
ELEMENTS = comb(6, 2) + comb(6, 3)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "planted.parquet"
    triples(path, 5, 3000)
    return path


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "profit"
    result = call("run", "profit", "--data", table, "-o", folder, *ARGUMENTS)
    assert result.returncode == 0, result.stderr
    return folder


def test_the_size_is_told_with_its_formula(table):
    result = call("size", "profit", "--data", table, "--set", "K=3")
    assert "2^(Σ_{k=2..K} C(F, k))" in result.stdout
    assert f"2^{ELEMENTS}" in result.stdout


def test_eight_interactions_of_each_order_stay_with_their_weights(finished):
    document = json.loads((finished / "architecture.json").read_text())
    (keep,) = document["decisions"]
    assert document["kept_gates"] == ["keep"]
    assert len(keep["elements"]) == ELEMENTS
    for order in (2, 3):
        own = [e for e in keep["elements"] if e["name"].startswith(f"keep[{order},")]
        kept = [abs(e["weight"]) for e in own if e["value"] == "on"]
        dropped = [abs(e["weight"]) for e in own if e["value"] == "off"]
        assert len(kept) == 8
        assert min(kept) >= max(dropped)
    assert "keep[3,f1*f2*f3]" in {e["name"] for e in keep["elements"]}


def test_the_report_has_every_stage(finished):
    report = json.loads((finished / "report.json").read_text())
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.progressive", "1.derive", "2.retrain"]
    assert report["stages"][1]["along"] == [2, 3]
    assert report["gap"] == pytest.approx(report["searched"]["test"]["auc"] - report["stages"][1]["test"]["auc"])


def test_the_supernet_spells_no_subset_out(finished):
    text = (finished / "supernet.py").read_text()
    assert "symmetric_sums(e_embed, (2, 3), choices[" in text
    assert "symmetric_sums(e_embed, (2, 3))" in (finished / "baseline.py").read_text()


def test_a_fixed_gate_stays_as_it_is(table, tmp_path):
    """Then the weights are no factored logits, and subsets are spelled out; the model is the same but for that gate."""
    fix = ("--fix", "keep[3,f1*f2*f3]=off", "--fix", "keep[2,f1*f2]=on")
    assert call("run", "profit", "--data", table, "-o", tmp_path / "run", *ARGUMENTS, *fix).returncode == 0
    (keep,) = json.loads((tmp_path / "run" / "architecture.json").read_text())["decisions"]
    values = {e["name"]: e["value"] for e in keep["elements"]}
    assert (values["keep[3,f1*f2*f3]"], values["keep[2,f1*f2]"]) == ("off", "on")


def test_ranks_are_learned_with_their_orders(table, tmp_path):
    """One option of each order's rank is taken, the factors are handed on with terms, and `--fix` settles a rank."""
    arguments = ("--data", table, "--set", "K=3", "--set", "width=4", "--epochs", "2", "--seed", "3")
    assert call("run", "profit_ranks", *arguments, "-o", tmp_path / "run", "--fix", "rank[3]=2").returncode == 0
    document = json.loads((tmp_path / "run" / "architecture.json").read_text())
    rank, keep = document["decisions"]
    assert (rank["name"], len(rank["elements"])) == ("rank", 2)
    second, third = rank["elements"]
    assert second["value"] == [1, 2, 4, 8][max(range(4), key=lambda n: second["weight"][n])]
    assert max(second["weight"]) - min(second["weight"]) > 0.003  # more than it had by chance when it started
    assert (third["value"], third["weight"]) == (2, [0, 1, 0, 0])
    assert len([e for e in keep["elements"] if e["value"] == "on"]) == 16
    text = (tmp_path / "run" / "supernet.py").read_text()
    assert 'choices["keep:terms"]' in text
    assert "rank" not in (tmp_path / "run" / "model.py").read_text()


def test_a_rehearsal_counts_what_the_factors_keep(tmp_path):
    """Not what products of all subsets would: memory between layers grows with the fields, not with the subsets."""
    wide = tmp_path / "wide.parquet"
    assert call("data", "synth", "-o", wide, "--fields", "18", "--rows", "1000", "--cardinality", "5").returncode == 0
    found = called("run", "profit", "--data", wide, "--dry-run", "--set", "width=4", "--strategy", "paper")
    assert found["batch_size"] == found["rows"]["train"] == 800  # the step inside asks for 2048
    spelled_out = comb(18, 4) * found["rows"]["train"] * 4 * 4
    assert found["activation_bytes"] < spelled_out / 2

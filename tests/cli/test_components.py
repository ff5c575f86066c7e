"""Losses and interaction functions that are searched, from a generated table to a report, in processes of their own."""

import json

import numpy as np
import polars as pl
import pytest
from safetensors import safe_open

import recspace

from .calling import call


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """600 ratings of 1 to 5 by 30 users of 20 items, and whether they are of 4 or more."""
    rng = np.random.default_rng(4)
    user, item = rng.integers(0, 30, 600), rng.integers(0, 20, 600)
    taste = rng.normal(0, 1, (30, 2)), rng.normal(0, 1, (20, 2))
    rating = np.clip(np.round(3.2 + (taste[0][user] * taste[1][item]).sum(1) + rng.normal(0, 0.3, 600)), 1, 5)
    path = tmp_path_factory.mktemp("ratings") / "ratings.parquet"
    frame = {"user": user, "item": item, "hour": rng.integers(0, 4, 600), "rating": rating.astype(int)}
    pl.DataFrame(frame).write_parquet(path)
    (path.parent / "r.space").write_text(
        'data r { source: "ratings.parquet" label: rating user: category(role = user) item: category(role = item) '
        "hour: category() split: random(0.5, 0.25, 0.25, seed = 1) }"
    )
    (path.parent / "c.space").write_text(
        (path.parent / "r.space").read_text().replace("label: rating", "label: rating >= 4")
    )
    return path.parent


def run(space, data, folder, *options):
    """The report and the decisions by name."""
    result = call("run", space, "--data", data, "-o", folder, *options)
    assert result.returncode == 0, result.stderr
    architecture = json.loads((folder / "architecture.json").read_text())["decisions"]
    return json.loads((folder / "report.json").read_text()), {d["name"]: d for d in architecture}, result.stdout


@pytest.mark.parametrize(
    ("space", "data", "figure"), [("autoloss", "c.space", "auc"), ("autoloss_ratings", "r.space", "rmse")]
)
def test_every_example_has_a_loss(space, data, figure, table, tmp_path):
    report, decisions, said = run(space, table / data, tmp_path / "run", "--epochs", "2", "--seed", "3")
    assert np.isfinite(report["searched"]["test"][figure])
    loss = decisions["loss"]
    assert loss["given"] == "objective"
    (element,) = loss["elements"]
    assert element["value"] is None
    assert sum(element["weight"]) == pytest.approx(1, abs=1e-5)
    assert f"{loss['options'][0]} {element['weight'][0]:.0%}" in said
    # Nothing of the controller is left, and both models are of one size.
    with safe_open(tmp_path / "run" / "model.safetensors", framework="pt") as file:
        assert not [name for name in file.keys() if name.startswith("minimize")]  # noqa: SIM118 – a file is no mapping
    assert report["searched"]["parameters"] == report["hand_made"]["parameters"]
    assert len(recspace.Run(tmp_path / "run").predict(table / "ratings.parquet")) == 600


def test_what_weighs_losses_cannot_train_a_derived_model(table, tmp_path):
    strategy = "relax(as = gumbel) derive() retrain()"
    result = call("run", "autoloss", "--data", table / "c.space", "-o", tmp_path / "run", "--strategy", strategy)
    assert result.returncode == 1
    assert "error[S0660]" in result.stderr
    assert "leave retrain() out" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_graph_of_operators(table, tmp_path):
    how = ("--set", "n=3", "--set", "width=4", "--epochs", "1", "--seed", "2")
    report, decisions, said = run("autopi", table / "c.space", tmp_path / "run", *how)
    assert 0 < report["searched"]["test"]["auc"] < 1
    takes, op = (d["elements"] for d in decisions.values())
    assert [len(e["value"]) for e in takes] == [1, 2, 2]
    edges = {(e["key"][0], block) for e in takes for block in e["value"]}
    assert {tuple(e["key"]) for e in op if e["active"]} == edges
    assert len(op) == 6
    # Weights of a set add up to as many members as it has, unless one is sure.
    assert all(sum(e["weight"]) <= 2.001 for e in takes)
    assert "takes: 1 {0}, 2 {0, 1}, 3 {" in said


def test_an_interaction_function(table, tmp_path):
    ops = 2
    report, decisions, _ = run("sif", table / "r.space", tmp_path / "run", "--set", f"n={ops}", "--epochs", "8")
    assert report["searched"]["test"]["rmse"] < 1.5
    (element,) = decisions["ops"]["elements"]
    assert len(element["value"]) == ops
    assert sorted(element["weight"])[-ops:] == [1] * ops
    # What is left is the heads of these operations, each of a norm of at most 1.
    with safe_open(tmp_path / "run" / "model.safetensors", framework="pt") as file:
        heads = {name: file.get_tensor(name).shape for name in file.keys() if "linear" in name and "weight" in name}  # noqa: SIM118
    assert sum(shape[0] if len(shape) == 3 else 1 for shape in heads.values()) == ops


FIGURES = {"ctr": "auc", "rating": "rmse", "topk": "ndcg@20", "classes": "accuracy"}


@pytest.mark.parametrize("task", FIGURES)
def test_one_space_for_every_task(task, table, tmp_path):
    """In this process: what a command does besides is the same for all."""
    space = recspace.compile("sif", table / "c.space", task=task, set={"width": 4})
    done = recspace.search(space, tmp_path / "run", epochs=6, seed=1)
    figures = done.report["searched"]["test"]
    assert FIGURES[task] in figures
    if task == "classes":  # five ratings: a model that has learned nothing is off by ln 5
        assert figures["logloss"] < np.log(5)
        predicted = recspace.Run(tmp_path / "run").predict(table / "ratings.parquet")
        assert predicted.shape == (600, 5)
        assert np.allclose(predicted.sum(1), 1)


def test_a_task_without_a_label_is_refused(table, tmp_path):
    block = (table / "r.space").read_text().replace("label: rating", "")
    (table / "none.space").write_text(block)
    result = call("check", "deepfm", "--data", table / "none.space", "--task", "rating")
    assert result.returncode == 1
    assert "error[S0432]" in result.stderr
    assert call("check", "deepfm", "--data", table / "none.space", "--task", "topk").returncode == 0


def test_three_searches_in_one(table, tmp_path):
    """Numbers of tables, pairs and losses: each decision as in the space of its own, and the budget met."""
    report, decisions, _ = run("pep_autofis_autoloss", table / "c.space", tmp_path / "run", "--epochs", "2")
    assert 0 < report["searched"]["test"]["auc"] < 1
    assert set(decisions) == {"keep", "pair", "loss"}
    assert decisions["loss"]["given"] == "objective"
    assert [e["value"] in ("on", "off") for e in decisions["pair"]["elements"]] == [True] * 3
    on = sum(e["value"] == "on" for e in decisions["keep"]["elements"])
    assert 0 < on <= decisions["keep"]["count"] / 2
    assert report["searched"]["embedding_bytes"] < report["hand_made"]["embedding_bytes"]

"""Whole models that have no supernet: from a generated table to a plain model that predicts what the report says."""

import json

import numpy as np
import polars as pl
import pytest

from .calling import call

TASTES = 12
BLOCK = """data t {
  source:  "t.parquet"
  label:   click
  user:    category(role = user)
  item:    category(role = item)
  price:   number()
  history: sequence(of = item, longest = 4)
  split:   random(0.6, 0.2, 0.2, seed = 1)
}
"""
SHORT = "epochs = 1, batch_size = 256, optimizer = adam(lr = 0.02)"
RECIPES = {
    "autoctr": (
        ("n=2", "width=4", "span=3"),
        "evolution(population = 3, youngest = 5, survival = [1, 0.1, 0.1], rank_power = 10, mutants = 4, guide = lambdarank,"
        f" trials = 6, share = 0.5, {SHORT}) retrain({SHORT})",
    ),
    "ameir": (
        ("n1=1", "n2=1", "width=4", "most=2"),
        f"one_shot(only = [normal, layer, act], samples = 3, {SHORT})"
        f" progressive(grow = crosses, keep = 2, {SHORT.replace('optimizer', 'weights')})"
        f" one_shot(only = [unit, units], samples = 3, {SHORT}) retrain({SHORT})",
    ),
    "autoias": (
        ("L=1",),
        f"warmup(distill = widest, sharing = ordinal, {SHORT})"
        f" generator(sharing = ordinal, samples = 3, drawn = 2, retrain = 2, {SHORT}) retrain({SHORT})",
    ),
    "autofeature": (("K=2", "L=2", "width=4"), f"bayes_tree(trials = 5, least = 3, {SHORT}) retrain({SHORT})"),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(0)
    n = 900
    user, item = rng.integers(0, TASTES, (2, n))
    effect = rng.normal(0, 2, (TASTES, TASTES))
    logit = effect[user, item]
    pl.DataFrame({
        "user": user, "item": item, "price": rng.normal(size=n).round(2),
        "click": (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int),
        "history": [rng.integers(0, TASTES, rng.integers(1, 5)).tolist() for _ in range(n)],
    }).write_parquet(folder / "t.parquet")  # fmt: skip
    (folder / "t.space").write_text(BLOCK)
    return folder


@pytest.mark.parametrize("name", RECIPES)
def test_from_a_table_to_a_plain_model(table, name):
    settings, recipe = RECIPES[name]
    params = [text for one in settings for text in ("--set", one)]
    result = call("run", name, "--data", table / "t.space", "-o", table / name, *params, "--strategy", recipe)
    assert result.returncode == 0, result.stderr
    folder = table / name
    report = json.loads((folder / "report.json").read_text())
    stages = [call_.split("(")[0] for call_ in recipe.replace(") ", ")|").split("|")]
    assert [s["stage"].partition(".")[2] for s in report["stages"][1:]] == stages
    assert 0 < report["searched"]["test"]["auc"] < 1
    elements = {d["name"]: d["elements"] for d in json.loads((folder / "architecture.json").read_text())["decisions"]}
    assert all(e["value"] is not None for own in elements.values() for e in own)
    assert not (folder / "supernet.py").exists()
    assert (folder / "shared.safetensors").exists() == (name in ("ameir", "autoias"))
    if name == "autoias":
        ranking = report["stages"][2]["ranking"]
        assert len(ranking["scores"]) == 2
        assert "Kendall" in result.stdout or "not to be trusted" in result.stdout

"""What is done with a finished run: predictions by command, from Python, and with `model.py` alone; trials listed."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import recspace

from .calling import call, called

SPACE = """data shop {
  source: "shop.csv"
  label:  click
  shopper: category(role = user)
  price:   number()
  age:     number(bins = 4)
  tags:    many(separator = "|")
  split:   random(0.6, 0.2, 0.2)
}
space Shop
param width = 4
let e[f in categorical] = embed(f, width)
choose both from {off, on}
let b = embed(bucket(price, 5), width)
let x = concat(concat(e), b, embed(tags, width), number(price))
predict sigmoid(linear(mlp(x, [8], dropout = 0.2), 1) + both * weight(cross(shopper, age)))
minimize logloss
search { exhaustive(epochs = 1) retrain(epochs = 2) }
"""
OWN = """
import sys
import torch
from pathlib import Path
from safetensors.torch import load_file

import recspace

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
from model import Shop

model = Shop()
model.load_state_dict(load_file(folder / "model.safetensors"))
model.eval()
batch = recspace.Run(folder).batch(sys.argv[2])
with torch.no_grad():
    print(*(f"{p:.9f}" for p in model(batch).tolist()))
print(model.forward.__doc__, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A finished run on a table with every kind of column but vectors, and other rows of it."""
    home = tmp_path_factory.mktemp("shop")
    generator = np.random.default_rng(0)
    rows = 900
    table = pl.DataFrame(
        {
            "shopper": [f"s{k}" for k in generator.integers(0, 20, rows)],
            "price": [None if k % 13 == 0 else float(p) for k, p in enumerate(generator.normal(20, 5, rows))],
            "age": generator.integers(10, 80, rows),
            "tags": ["|".join(f"t{t}" for t in generator.integers(0, 6, k % 4)) for k in range(rows)],
            "click": generator.integers(0, 2, rows),
        }
    )
    table.write_csv(home / "shop.csv")
    others = pl.concat([table.head(50), table.head(1).with_columns(shopper=pl.lit("stranger"))])
    others.drop("click").write_csv(home / "others.csv")
    (home / "shop.space").write_text(SPACE)
    result = call("run", home / "shop.space", "-o", home / "run", "--seed", "1")
    assert result.returncode == 0, result.stderr
    return home, result


def test_predictions_are_a_table_in_the_order_of_the_rows(shop):
    home, _ = shop
    for name in ("p.parquet", "p.csv"):
        result = call("predict", home / "run", home / "others.csv", "-o", home / name)
        assert result.returncode == 0, result.stderr
        assert "51 rows" in result.stdout
    first, second = pl.read_parquet(home / "p.parquet"), pl.read_csv(home / "p.csv")
    assert first.columns == second.columns == ["prediction"]
    assert np.allclose(first["prediction"], second["prediction"])
    assert np.array_equal(first["prediction"], recspace.Run(home / "run").predict(home / "others.csv"))
    assert first["prediction"][50] != first["prediction"][0]


def test_the_module_runs_by_itself_on_what_the_encoding_makes(shop):
    """Neither the space nor the table of the run is needed."""
    home, _ = shop
    expected = recspace.Run(home / "run").predict(home / "others.csv")
    hidden = [(home / name, home / f"{name}.away") for name in ("shop.csv", "shop.space")]
    for path, away in hidden:
        path.rename(away)
    try:
        arguments = [sys.executable, "-c", OWN, str(home / "run"), str(home / "others.csv")]
        result = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    finally:
        for path, away in hidden:
            away.rename(path)
    assert result.returncode == 0, result.stderr
    assert np.allclose([float(p) for p in result.stdout.split()], expected, atol=1e-6)
    batch = recspace.Run(home / "run").batch(home / "others.csv")
    for key, tensor in batch.items():
        assert key in result.stderr
        assert tensor.shape[0] == 51
    assert int(batch["tags"].min()) == -1
    assert int(batch["shopper"][50]) == 0


def test_a_table_that_lacks_a_column_is_a_diagnostic(shop, tmp_path):
    home, _ = shop
    pl.read_csv(home / "others.csv").drop("price").write_csv(tmp_path / "less.csv")
    result = call("predict", home / "run", tmp_path / "less.csv", "-o", tmp_path / "p.csv")
    assert result.returncode == 1
    assert "error[S0507]" in result.stderr
    assert call("predict", home / "run", tmp_path / "none.csv", "-o", tmp_path / "p.csv").returncode == 1
    assert call("predict", tmp_path, home / "others.csv", "-o", tmp_path / "p.csv").returncode == 3
    assert call("predict", home / "run", home / "others.csv", "-o", home / "shop.csv" / "p.csv").returncode == 3
    assert not (tmp_path / "p.csv").exists()


STRANGE = '[{"what": "id", "fields": ["gone"], "bins": [], "min_count": 1, "rows": 0}]'


@pytest.mark.parametrize("text", ["", "{}", "[3]", '[{"what": "id"}]', STRANGE])
def test_a_damaged_encoding_is_a_diagnostic(shop, text):
    home, _ = shop
    path = home / "run" / "encoding" / "columns.json"
    before = path.read_text()
    path.write_text(text)
    try:
        with pytest.raises(recspace.SpaceError, match=r"S0570"):
            recspace.Run(home / "run").batch(home / "others.csv")
    finally:
        path.write_text(before)


def test_trials_are_listed_with_their_scores(shop):
    home, result = shop
    assert "trial 1  auc" in result.stderr
    assert "0.exhaustive judged 2 architectures" in result.stdout
    trials = called("trials", home / "run")["trials"]
    assert sorted(t["trial"] for t in trials) == [0, 1]
    assert trials[0]["score"] >= trials[1]["score"]
    assert len({t["fingerprint"] for t in trials}) == 2
    best = json.loads((home / "run" / "architecture.json").read_text())["decisions"][0]["elements"][0]["value"]
    assert trials[0]["chosen"]["both"]["both"] == best
    assert f"both: {best}" in call("trials", home / "run").stdout.splitlines()[1]
    assert call("trials", home).returncode == 3

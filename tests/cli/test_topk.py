"""Rankings from a generated table of positives to the report, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

import recspace

from .calling import call, called

SYNTH = ("--implicit", "--users", "300", "--items", "120", "--rows", "9000", "--seed", "2")
MF = ("--set", "width=8", "--epochs", "30", "--seed", "1")
GATES = """space Gates
choose keep[f in {user, city}] from {off, on}
let e[f in fields] = embed(f, 4)
predict sum(keep[f] * dot(e[f], e[item]) for f in {user, city}) + weight(item)
minimize bpr(negatives = 3)
search { relax(as = gate, epochs = 1, bilevel = first_order, batch_size = 512) derive() retrain(epochs = 2, batch_size = 512) }
"""
NETWORK = """space Network
predict linear(mlp(concat(embed(f, 4) for f in fields), [choose n from {2, 4}]), 1)
minimize softmax_loss(negatives = 4, sampling = popularity)
search { random(trials = 2, batch_size = 1024) retrain(epochs = 1, batch_size = 1024) }
"""
BLOCK = """data chosen {{
  source: "{table}"
  user: category(role = user)
  item: category(role = item)
  city: category(role = context)
  split: {split}
}}
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "chosen.parquet"
    assert call("data", "synth", "-o", path, *SYNTH).returncode == 0
    return path


@pytest.fixture(scope="module")
def finished(table):
    folder = table.parent / "mf"
    result = call("run", "mf", "--data", table, "-o", folder, *MF)
    assert result.returncode == 0, result.stderr
    return folder, result


@pytest.fixture(scope="module")
def contexts(table):
    """The same rows with a context, and blocks that describe them."""
    frame = pl.read_parquet(table).with_columns(city=pl.Series([f"c{k % 3}" for k in range(9000)]))
    frame.write_parquet(table.with_name("contexts.parquet"))
    (table.parent / "column.space").write_text(BLOCK.format(table="contexts.parquet", split='column("split")'))
    (table.parent / "left.space").write_text(
        BLOCK.format(table="contexts.parquet", split="leave_one_out(user, time = time)")
    )
    return table.parent


def test_tastes_are_planted(table):
    truth = json.loads(table.with_suffix(".truth.json").read_text())
    assert truth["oracle_recall"] > 1.5 * truth["popular_recall"] > 0
    again = called("data", "synth", "-o", table.with_name("again.parquet"), *SYNTH)
    assert again["oracle_ndcg"] == truth["oracle_ndcg"]
    assert table.read_bytes() == table.with_name("again.parquet").read_bytes()
    control = called("data", "synth", "-o", table.with_name("control.parquet"), *SYNTH, "--strength", "0")
    assert control["popular_recall"] > 0.85 * control["oracle_recall"]


def test_a_factorisation_beats_popularity(table, finished):
    truth = json.loads(table.with_suffix(".truth.json").read_text())
    report = json.loads((finished[0] / "report.json").read_text())
    test = report["searched"]["test"]
    assert set(test) == {"recall@20", "ndcg@20", "recall@10", "ndcg@10"}
    assert 1.2 * truth["popular_recall"] < test["recall@20"] < truth["oracle_recall"]
    assert 1.2 * truth["popular_ndcg"] < test["ndcg@20"] < truth["oracle_ndcg"]
    assert report["task"] == "ranking"
    assert report["metric"] == {"name": "ndcg@20", "higher_is_better": True}
    assert report["ranked"] == {"asked": 300, "of": 300, "items": 120}
    assert "recall@20" in finished[1].stdout
    assert "300 users and contexts" in finished[1].stdout


def test_a_control_without_tastes_is_no_better_than_popularity(table, tmp_path):
    found = called("data", "synth", "-o", tmp_path / "control.parquet", *SYNTH, "--strength", "0")
    report = called("run", "mf", "--data", tmp_path / "control.parquet", "-o", tmp_path / "run", *MF)["report"]
    assert report["searched"]["test"]["recall@20"] < 1.1 * found["popular_recall"]


def test_how_long_a_list_is(table, tmp_path):
    found = called("run", "mf", "--data", table, "-o", tmp_path / "run", "--epochs", "1", "--top", "5")
    assert set(found["report"]["searched"]["test"]) == {"recall@5", "ndcg@5"}
    assert found["report"]["metric"]["name"] == "ndcg@5"


def test_predictions_are_scores(table, finished):
    rows = pl.read_parquet(table).head(50)
    rows.write_parquet(table.with_name("some.parquet"))
    scores = recspace.Run(finished[0]).predict(table.with_name("some.parquet"))
    assert scores.shape == (50,)
    assert scores.std() > 0


@pytest.mark.parametrize(("text", "block"), [(GATES, "column"), (GATES, "left"), (NETWORK, "column")])
def test_searches_rank(contexts, tmp_path, text, block):
    (tmp_path / "s.space").write_text(text)
    report = called("run", tmp_path / "s.space", "--data", contexts / f"{block}.space", "-o", tmp_path / "run")[
        "report"
    ]
    for one in (report["hand_made"], report["searched"]):
        assert 0 < one["test"]["ndcg@20"] < 1
    assert report["ranked"]["of"] >= (300 if block == "left" else 600)
    again = called("run", tmp_path / "s.space", "--data", contexts / f"{block}.space", "-o", tmp_path / "again")[
        "report"
    ]
    assert again["searched"]["test"] == report["searched"]["test"]


def test_a_killed_run_ends_with_the_same_bits(table, finished, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "recspace", "run", "mf", "--data", table, "-o", folder, *MF],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "step" in line and "loss" in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate()
    result = call("resume", folder)
    assert result.returncode == 0, result.stderr
    assert (folder / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert any(e["event"] == "resumed" for e in events)


REFUSED = {
    "logloss beside it": ("minimize bpr, logloss", "label: liked", "S0616", "logloss"),
    "a rating": ("minimize bpr", "label: stars", "S0616", "stars"),
    "no user": ("minimize bpr", "", "S0614", "data d"),
    "a property": ("minimize bpr", "kind: category()", "S0615", "kind"),
    "no label": ("minimize logloss", "", "S0612", "logloss"),
}


@pytest.mark.parametrize(("objective", "entry", "code", "place"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_ranked(tmp_path, objective, entry, code, place):
    frame = pl.DataFrame({"user": list(range(20)) * 6, "item": [k % 11 for k in range(120)]})
    frame = frame.with_columns(kind=pl.col("item") % 3, stars=pl.col("user") % 5, liked=pl.col("user") % 2)
    frame.write_parquet(tmp_path / "t.parquet")
    user = "user: category()" if code == "S0614" else "user: category(role = user)"
    block = f'data d {{ source: "t.parquet"\n {user}\n item: category(role = item)\n {entry}\n}}\n'
    space = f"space S\npredict dot(embed(user, 2), embed(item, 2))\n{objective}\nsearch {{ train(epochs = 1) }}\n"
    (tmp_path / "s.space").write_text(block + space)
    result = call("run", tmp_path / "s.space", "-o", tmp_path / "run")
    assert result.returncode == 1
    assert f"error[{code}]" in result.stderr
    assert place in result.stderr
    assert "help:" in result.stderr
    assert not (tmp_path / "run").exists()


def test_labels_say_which_rows_are_positives(table, tmp_path):
    frame = pl.read_parquet(table).with_columns(liked=pl.Series([int(k % 4 > 0) for k in range(9000)]))
    frame.write_parquet(tmp_path / "labelled.parquet")
    report = called(
        "run", "mf", "--data", tmp_path / "labelled.parquet", "--label", "liked", "-o", tmp_path / "run", *MF
    )["report"]
    assert sum(report["rows"].values()) == frame["liked"].sum()
    assert report["searched"]["test"]["recall@20"] > 0.2


def test_options_of_another_kind_of_table_are_refused(tmp_path):
    for options in (("--implicit", "--groups", "3"), ("--users", "10")):
        result = call("data", "synth", "-o", tmp_path / "t.parquet", *options)
        assert result.returncode == 2
        assert options[-2] in result.stderr
    assert call("data", "synth", "-o", tmp_path / "t.parquet", "--implicit", "--items", "3").returncode == 1

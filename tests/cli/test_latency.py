"""Latency as a requirement, as an objective, as a part of one, and as a budget: measured, each architecture once."""

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest
from interrupted import essence, interruptions

import recspace
from recspace.dsl import SpaceError
from recspace.profiles import profile
from recspace.running import start as begin
from recspace.runtime import stopwatch
from recspace.runtime.folder import LATENCY
from recspace.runtime.settings import Settings

SPACE = """space Wide
choose hidden from {4, 64, 2048}
let e[f in fields] = embed(f, 4)
choose keep[i < j in fields] from {off, on}
let x = concat(e[f] for f in fields)
predict sigmoid(linear(relu(linear(x, hidden)), 1) + sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields))
minimize MINIMIZE
REQUIRE
search { random(trials = 4, epochs = 1, batch_size = 256) }
search relaxed { relax(as = softmax, epochs = 1, batch_size = 256) derive() retrain(epochs = 1, batch_size = 256) }
"""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("latency") / "t.parquet"
    rng = np.random.default_rng(3)
    columns = {name: [f"{name}{v}" for v in rng.integers(0, 9, 800)] for name in ("a", "b", "c")}
    pl.DataFrame({**columns, "label": rng.integers(0, 2, 800)}).write_parquet(path)
    return path


def space(tmp_path, table, require="", minimize="logloss"):
    (tmp_path / "s.space").write_text(SPACE.replace("REQUIRE", require).replace("MINIMIZE", minimize))
    return recspace.compile(tmp_path / "s.space", table)


def counted(ms):
    """A clock that goes by the numbers of a model: `ms(parameters)`; it counts its calls."""

    def latency(model, examples, rows, choices):
        calls[0] += 1
        numbers = sum(p.numel() for p in model.parameters.values())
        return {"median": ms(numbers, calls[0]), "rows": rows.numel(), "device": "cpu", "threads": 1}

    calls = [0]
    return latency, calls


def kept(folder):
    return {line["fingerprint"]: line["ns"] for line in stopwatch.read(folder)}


@pytest.mark.parametrize("strategy", ["", "relaxed"])
def test_what_is_chosen_was_measured_and_is_within_the_bound(tmp_path, table, strategy):
    """With the real clock: the widest model takes many times what the smallest does."""
    run = recspace.search(space(tmp_path, table, "require latency <= 50%"), tmp_path / "run", strategy=strategy)
    own = kept(tmp_path / "run")
    (hidden,) = run.architecture["decisions"][0]["elements"]
    assert hidden["value"] in (4, 64)
    trials = [json.loads(text) for text in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    judged = [e["fingerprint"] for e in trials if e["event"] == "trial"]
    assert all(own[name] <= max(own.values()) / 2 for name in judged)
    assert bool(judged) == (strategy == "")


def test_bounds_are_in_seconds_of_a_batch(tmp_path, table, monkeypatch):
    monkeypatch.setattr(stopwatch, "latency", counted(lambda numbers, _: numbers / 1000)[0])
    run = recspace.search(space(tmp_path, table, "require latency <= 1.5 ms"), tmp_path / "run", strategy="relaxed")
    (told,) = next(s for s in run.report["stages"] if s["stage"] == "1.derive")["budgets"]
    assert (told["require"], told["allowed"]) == ("latency <= 1.5 ms", 1.5)
    assert told["kept"] <= 1.5
    ms = {round(ns / 1e6, 3) for ns in kept(tmp_path / "run").values()}
    assert told["kept"] in ms
    assert run.architecture["decisions"][0]["elements"][0]["value"] in (4, 64)


def test_what_no_architecture_meets_is_refused_with_how_far_the_space_reaches(tmp_path, table):
    with pytest.raises(SpaceError) as refused:
        recspace.search(space(tmp_path, table, "require latency <= 1 us"), tmp_path / "run")
    (found,) = refused.value.diagnostics
    assert found.code == "S0640"
    assert "ms a batch, and 0.001 are allowed" in found.message
    assert not (tmp_path / "run" / "report.json").exists()


def test_a_profile_bounds_latency(tmp_path, table, monkeypatch):
    monkeypatch.setattr(stopwatch, "latency", counted(lambda numbers, _: numbers / 1000)[0])
    (tmp_path / "phone.toml").write_text('latency = "0.5 ms"\n')
    settings = Settings(epochs=1, profiles=(profile(tmp_path / "phone.toml"),))
    (row,) = begin(space(tmp_path, table), settings, tmp_path / "run").report["budgets"]
    (cost,) = row["costs"]
    assert (cost["require"], cost["allowed"]) == ("latency <= 0.5 ms", 0.5)
    assert cost["cost"] <= 0.5


def test_latency_is_an_objective_of_its_own(tmp_path, table, monkeypatch):
    monkeypatch.setattr(stopwatch, "latency", counted(lambda numbers, _: numbers / 1000)[0])
    recspace.search(space(tmp_path, table, minimize="logloss, latency"), tmp_path / "run")
    own = kept(tmp_path / "run")
    trials = [json.loads(text) for text in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    judged = [e for e in trials if e["event"] == "trial"]
    assert [e["costs"] for e in judged] == [{"latency": own[e["fingerprint"]] / 1e9} for e in judged]
    assert len({e["costs"]["latency"] for e in judged}) > 1
    front = json.loads((tmp_path / "run" / "front.json").read_text())
    assert min(judged, key=lambda e: e["costs"]["latency"])["fingerprint"] in [
        t["fingerprint"] for t in front["trials"]
    ]


def test_latency_adds_to_what_is_minimized(tmp_path, table, monkeypatch):
    monkeypatch.setattr(stopwatch, "latency", counted(lambda numbers, _: numbers / 1000)[0])
    recspace.search(space(tmp_path, table, minimize="logloss + 20 * latency"), tmp_path / "run")
    own = kept(tmp_path / "run")
    trials = [json.loads(text) for text in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    for trial in trials:
        if trial["event"] == "trial":
            assert trial["charge"] == pytest.approx(20 * own[trial["fingerprint"]] / 1e9)


def test_a_run_that_goes_on_measures_nothing_again(tmp_path, table, monkeypatch):
    """Each call of this clock says something else of the same model: what was measured first is what counts."""
    clock, calls = counted(lambda numbers, call: numbers / 1000 + call)
    monkeypatch.setattr(stopwatch, "latency", clock)
    made = space(tmp_path, table, "require latency <= 90%")
    settings, folder = Settings(seed=1, checkpoint_steps=1), tmp_path / "run"
    start = lambda stop: begin(made, settings, folder, stop)  # noqa: E731
    again = lambda stop: recspace.Run(folder).resume(progress=stop)  # noqa: E731
    assert interruptions(start, again, 3) > 2
    counts = Counter(line["fingerprint"] for line in stopwatch.read(folder))
    assert set(counts.values()) == {1}
    assert calls[0] == len(counts)
    calls[0] = 0
    begin(made, settings, tmp_path / "whole")
    assert essence(tmp_path / "whole") == essence(folder)


@pytest.mark.parametrize("text", ['{"fingerprint": 3, "ns": 4}', '{"fingerprint": "a", "ns": "4"}', "[]"])
def test_a_file_that_no_run_wrote_is_refused(tmp_path, text):
    (tmp_path / LATENCY).write_text(text + "\n")
    with pytest.raises(SpaceError, match="S0703"):
        stopwatch.read(tmp_path)


def test_a_line_that_a_crash_has_torn_is_left_out(tmp_path):
    (tmp_path / LATENCY).write_text('\n{"fingerprint": "a", "ns": 4}\n\n{"fingerp')
    assert [line["ns"] for line in stopwatch.read(tmp_path)] == [4]

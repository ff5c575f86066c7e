"""Samplers from a generated table to the report: under requirements, stopped early, exported; and what they refuse."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from .calling import call, called, triples

SPACE = """
space Mixed "Pairs under a bound, and a deep part that may be there"

let e[f in fields] = embed(f, choose dim from {2, 4})
choose keep[i < j in fields] from {off, on}
require sum(keep[i, j] for i < j in fields) <= 4
let z[f in fields] = align[f](e[f], 4)
let pairs = sum(keep[i, j] * dot(z[i], z[j]) for i < j in fields)
let top = choose deep {
  there: linear(mlp(concat(z), [choose units from {4, 8}], activation = choose act from {relu, tanh}), 1)
  none:  0
}

predict  sigmoid(sum(weight(f) for f in fields) + pairs + top)
minimize logloss
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    triples(folder / "planted.parquet", 4, 1500)
    (folder / "mixed.space").write_text(SPACE)
    return folder


def arguments(place, strategy, folder):
    return ("run", place / "mixed.space", "--data", place / "planted.parquet", "-o", folder, "--strategy", strategy)


@pytest.fixture(scope="module")
def finished(place):
    """A sampler whose trials are stopped early."""
    early = "asha(tpe(trials = 7, startup = 3, epochs = 4, batch_size = 256), factor = 2)"
    result = call(*arguments(place, early, place / "early"))
    assert result.returncode == 0, result.stderr
    return place / "early", result.stdout


def test_trials_meet_the_requirement_and_are_stopped_early(finished):
    folder, text = finished
    trials = called("trials", folder)["trials"]
    assert len(trials) == 7
    for trial in trials:
        assert sum(v == "on" for v in trial["chosen"]["keep"].values()) <= 4
    stage = json.loads((folder / "report.json").read_text())["stages"][1]
    stopped = [t for t in trials if "stopped" in t]
    assert stage["stopped"] == len(stopped) > 0
    steps = 1200 // 256 + 1
    assert stage["steps_saved"] == sum((4 - t["stopped"]) * steps for t in stopped)
    assert f"{len(stopped)} of them were stopped early, which saved {stage['steps_saved']} steps" in text
    # The best one went to the end.
    best = max(t["goodness"] if "goodness" in t else t["score"] for t in trials if "stopped" not in t)
    assert stage["goodness"] == best


def test_what_does_not_exist_is_not_told(finished):
    architecture = json.loads((finished[0] / "architecture.json").read_text())
    deep = next(d for d in architecture["decisions"] if d["name"] == "deep")["elements"][0]["value"]
    units = next(d for d in architecture["decisions"] if d["name"] == "units")["elements"][0]
    assert units["active"] == (deep == "there")


def test_a_study_is_exported(finished, place):
    import optuna

    path = place / "study.db"
    assert called("export", finished[0], "--format", "optuna", "-o", path)["studies"] == {"Mixed 0.asha": 7}
    study = optuna.load_study(study_name="Mixed 0.asha", storage=f"sqlite:///{path}")
    assert study.direction.name == "MAXIMIZE"
    trials = called("trials", finished[0])["trials"]
    told = {t["trial"]: t for t in trials}
    for trial in study.trials:
        own = told[trial.number]
        assert trial.params["keep[f1,f2]"] == own["chosen"]["keep"]["keep[f1,f2]"]
        assert trial.params["dim[f2]"] == own["chosen"]["dim"]["dim[f2]"]
        assert trial.value == own["score"]
        assert trial.state.name == ("PRUNED" if "stopped" in own else "COMPLETE")
        assert set(trial.intermediate_values) == {int(k) for k in own.get("rungs", {})}
    assert study.best_value == max(t["score"] for t in trials if "stopped" not in t)
    again = call("export", finished[0], "-o", path)
    assert again.returncode == 1
    assert "S0457" in again.stderr


def test_cmaes_says_what_it_cannot_move_before_anything_runs(place):
    result = call(*arguments(place, "cmaes(trials = 4) retrain()", place / "no"), "--dry-run")
    assert result.returncode == 1
    assert "cmaes() cannot search `keep`: it is a gate" in result.stderr
    assert "cmaes() cannot search `act`: it is a name" in result.stderr
    assert "tpe()" in result.stderr


def test_killed_and_gone_on_with_it_ends_the_same(place):
    strategy = "nsga2(trials = 6, population = 2, batch_size = 512)"
    straight, killed = place / "straight", place / "killed"
    assert call(*arguments(place, strategy, straight)).returncode == 0
    command = [sys.executable, "-m", "recspace", *map(str, arguments(place, strategy, killed))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while process.poll() is None and trials_of(killed) < 4:
        time.sleep(0.01)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert call("resume", killed).returncode == 0
    for name in ("architecture.json", "model.safetensors"):
        assert (killed / name).read_bytes() == (straight / name).read_bytes()
    stages = [json.loads((f / "report.json").read_text())["stages"] for f in (straight, killed)]
    assert stages[0][1]["judged"] == stages[1][1]["judged"]


def trials_of(folder):
    path = folder / "events.jsonl"
    return path.read_text().count('"event": "trial"') if path.is_file() else 0

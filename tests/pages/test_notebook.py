"""What a notebook shows, and what goes to TensorBoard and MLflow."""

import json
import re
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import ClassVar

import by_hand
import pytest
from interrupted import essence, interruptions

import recspace
from recspace.checking import Question, judge
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import sinks
from recspace.runtime.course import course
from recspace.runtime.journal import effective, read
from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings
from recspace.runtime.sinks import Logs

RECIPE = """relax(as = gate, optimizer = grda(c = auto), epochs = 2, batch_size = 64) derive()
 retrain(epochs = 2, gates = trained, batch_size = 64)"""


def test_spaces_graphs_and_runs_show_themselves(run):
    space = recspace.compile("autofis")
    for shown in (space._repr_html_(), recspace.Run(run)._repr_html_()):
        tree = ET.fromstring(re.sub(r"<(br|img [^>]*)>", r"<\1/>", shown))
        assert {node.tag for node in tree.iter()} <= {
            "div",
            "p",
            "b",
            "br",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "details",
            "summary",
            "img",
        }
        assert "<script" not in shown
    assert "gate {off, on}" in space._repr_html_()
    assert "2^(F(F−1)/2)" in space._repr_html_()
    assert space.graph._repr_html_().startswith('<img alt="AutoFIS"')
    assert "&lt;img src=x" in recspace.Run(run)._repr_html_()
    assert "AUC" in recspace.Run(run)._repr_html_()


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(folder / "tensorboard"))
    board.Reload()
    return {tag: [(s.step, s.value) for s in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


def told(folder):
    found = course(effective(read(folder / "events.jsonl"))).series
    return {
        f"{what}/{whose}": [(step, pytest.approx(value, rel=1e-6)) for step, value in own]
        for (what, whose), own in found.items()
    }


def test_tensorboard_has_what_the_events_say_also_of_a_run_that_was_cut_off(tmp_path):
    pytest.importorskip("tensorboard")
    straight, folder = tmp_path / "straight", tmp_path / "cut"
    search(by_hand.inputs(RECIPE, by_hand.fis), Settings(seed=3, log=("tensorboard",)), straight)
    settings = Settings(seed=3, log=("tensorboard",), checkpoint_steps=20)
    start = lambda stop: search(by_hand.inputs(RECIPE, by_hand.fis), settings, folder, stop)  # noqa: E731
    again = lambda stop: resume(folder, lambda bound, _: by_hand.inputs(bound["text"], by_hand.fis), stop)  # noqa: E731
    assert interruptions(start, again, 45) >= 2
    assert essence(folder) == essence(straight)
    for run in (straight, folder):
        there = scalars(run)
        assert {tag for tag in there if not tag.startswith("test/")} == set(told(run))
        assert there["test/auc"][0][1] == pytest.approx(
            json.loads((run / "report.json").read_text())["searched"]["test"]["auc"]
        )
        for tag, points in told(run).items():
            assert there[tag] == points, (run, tag)


class Client:
    """What is used of MLflow's client: metrics by run, kept in `logged`."""

    logged: ClassVar[dict[str, list[tuple[str, float, int]]]] = {}

    def __init__(self, uri):
        assert uri.startswith("sqlite:///")

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return name

    def create_run(self, experiment, run_name):
        number = f"run{len(self.logged)}"
        self.logged[number] = []
        return SimpleNamespace(info=SimpleNamespace(run_id=number))

    def log_metric(self, run, key, value, step):
        assert re.fullmatch(r"[\w\-. /]+", key)
        self.logged[run].append((key, value, step))

    def get_metric_history(self, run, key):
        return [SimpleNamespace(step=step) for name, _, step in self.logged[run] if name == key]

    def set_terminated(self, run):
        assert run in self.logged


def test_mlflow_gets_the_events_and_a_run_goes_on_in_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.tracking", SimpleNamespace(MlflowClient=Client))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    events = [
        {"event": "stage", "stage": "0.relax", "steps": 4},
        {"event": "progress", "stage": "0.relax", "step": 2, "loss": 0.5, "of": 2, "entropy": {"<b>": 0.25}},
        {"event": "epoch", "stage": "0.relax", "step": 4, "figures": {"loss": 0.4, "ndcg@20": 0.1}},
    ]
    logs = Logs(("mlflow",), tmp_path, "Mine", ())
    for event in events[:2]:
        logs.tell(event)
    logs.close()
    again = Logs(("mlflow",), tmp_path, "Mine", events[:2])
    again.tell({**events[1], "step": 1, "of": 1})  # what had been told after the last checkpoint comes again
    again.tell(events[2])
    again.tell({"event": "done", "figures": {"test": {"auc": 0.6, "logloss": None}}})
    again.close()
    assert Client.logged == {
        "run0": [
            ("loss/0.relax", 0.5, 2),
            ("entropy/_b_", 0.25, 2),
            ("ndcg_20/0.relax", 0.1, 4),
            ("test/auc", 0.6, 4),
        ]
    }


def test_mlflow_itself_has_what_the_events_say_also_of_a_run_that_was_cut_off(tmp_path, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking", reason="mlflow is not installed (the extra `mlflow`)")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "cut"
    settings = Settings(seed=3, log=("mlflow",), checkpoint_steps=20)
    start = lambda stop: search(by_hand.inputs(RECIPE, by_hand.fis), settings, folder, stop)  # noqa: E731
    again = lambda stop: resume(folder, lambda bound, _: by_hand.inputs(bound["text"], by_hand.fis), stop)  # noqa: E731
    assert interruptions(start, again, 45) >= 2
    client = tracking.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = (found for found in client.search_experiments() if found.name != "Default")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    for tag, points in told(folder).items():
        history = client.get_metric_history(run.info.run_id, re.sub(r"[^\w\-. /]", "_", tag))
        assert sorted((metric.step, metric.value) for metric in history) == sorted(points), tag
    figures = json.loads((folder / "report.json").read_text())["searched"]["test"]
    assert run.data.metrics["test/auc"] == pytest.approx(figures["auc"])


def test_a_missing_sink_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sinks, "find_spec", lambda name: None)
    with pytest.raises(SpaceError, match="mlflow is not installed"):
        search(by_hand.inputs(RECIPE, by_hand.fis), Settings(log=("mlflow",)), tmp_path / "run")
    with pytest.raises(SpaceError, match="there is no log `wandb`"):
        search(by_hand.inputs(RECIPE, by_hand.fis), Settings(log=("wandb",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_graphs_are_drawn_as_pixels_and_as_mermaid(tmp_path):
    from recspace.compiler.drawing import to_mermaid, to_png

    graph = judge(Question("autofis")).checked.graph
    lines = to_mermaid(graph).splitlines()
    assert lines[0] == "flowchart TD"
    assert sum("-->" in line or ".->" in line for line in lines) >= len(graph) - 1
    keep = next(line for line in lines if "keep" in line)
    assert keep.strip().startswith("n")
    assert ":::decision_" in keep
    assert "#60;" in keep
    pytest.importorskip("resvg_py")
    png = to_png(graph)
    assert png.startswith(b"\x89PNG")
    assert len(png) > 5_000

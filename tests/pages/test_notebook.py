"""What a notebook shows, and what goes to TensorBoard and MLflow."""

import json
import re
import xml.etree.ElementTree as ET

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
    assert len(png) > 20_000

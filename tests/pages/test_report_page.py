"""The page of a run, in a browser: what came out, the graph with what was learned, the slider that plays it back."""

import json
import random
import shutil

import pytest
from cli.calling import call, called

from recspace.dsl import SpaceError
from recspace.pages import run_page, write_report
from recspace.pages.document import document
from recspace.pages.runs import NUMBERS, run_data, shown_events

HOSTILE = '<img src=x onerror="alert(1)">'
"""What the run of `conftest.py` calls a field."""


def test_a_run_leaves_its_page_and_the_same_is_written_again(run):
    first = (run / "report.html").read_text("utf-8")
    assert called("report", run)["page"] == str(run / "report.html")
    assert (run / "report.html").read_text("utf-8") == first
    assert write_report(run) == run / "report.html"
    assert call("report", run, "-o", run / "x.txt").returncode == 2
    missing = called("report", run.parent)
    assert missing["ok"] is False
    assert missing["diagnostics"][0]["code"] == "S0703"


def test_what_is_told_while_it_goes_on(run):
    events = [event for event in run_data(run)["events"] if event["event"] == "progress"]
    relaxed = [event for event in events if event["stage"] == "0.relax"]
    decisions = {decision["name"]: decision for decision in run_data(run)["graph"]["decisions"]}
    weighed = [event for event in relaxed if "weights" in event]
    assert len(weighed) >= len(relaxed) // 2
    for event in weighed:
        assert event["weights"].keys() == event["entropy"].keys() == decisions.keys()
        for name, weights in event["weights"].items():
            width = 1 if decisions[name]["kind"] == "gate" else len(decisions[name]["options"])
            assert len(weights) == decisions[name]["elements"] * width
            assert all(0 <= weight <= 1 for weight in weights)
            assert 0 <= event["entropy"][name] <= 1
    assert weighed[-1]["entropy"]["dim"] < weighed[0]["entropy"]["dim"]
    losses = [event["loss"] for event in relaxed]
    epochs = [
        event["figures"]["loss"]
        for event in run_data(run)["events"]
        if event["event"] == "epoch" and event["stage"] == "0.relax"
    ]
    assert losses[-1] == pytest.approx(epochs[-1], abs=1e-6)
    assert not [event for event in events if event["stage"] == "baseline" and "weights" in event]


def test_long_runs_make_small_pages():
    weights = [0.123] * 2000
    events = [
        {"event": "progress", "number": k, "stage": f"{k // 500}", "step": k, "loss": 0.5, "weights": {"a": weights}}
        for k in range(1000)
    ]
    shown = shown_events(events)
    kept = [event for event in shown if "weights" in event]
    assert len(shown) == 1000
    assert sum(len(event["weights"]["a"]) for event in kept) <= NUMBERS + 2 * 2000
    assert {event["step"] for event in kept} >= {499, 999}
    trials = [
        {"event": "trial", "number": k, "score": k / 1000, "metric": "auc", "chosen": {"a": {}}} for k in range(200)
    ]
    assert [event["score"] for event in shown_events(trials) if "chosen" in event] == [
        k / 1000 for k in range(140, 200)
    ]


def test_a_run_of_ten_thousand_steps_makes_a_page_under_two_megabytes(run):
    chance = random.Random(0)
    events = [{"event": "stage", "number": 0, "stage": "0.relax", "steps": 10_000}]
    for step in range(1, 10_001):
        event = {
            "event": "progress",
            "number": step,
            "stage": "0.relax",
            "step": step,
            "loss": chance.random(),
            "of": step,
        }
        if step % 50 == 0:
            weights = [round(chance.random(), 3) for _ in range(741)]
            event |= {
                "weights": {"keep": weights},
                "entropy": {"keep": chance.random()},
                "open": {"keep": chance.random()},
            }
        events.append(event)
    data = {**run_data(run), "events": shown_events(events)}
    assert sum(event["event"] == "progress" for event in data["events"]) == 10_000
    assert len(document("Long", "report_page", data).encode()) < 2_000_000


def test_a_run_under_way_and_a_damaged_one(run, tmp_path):
    under_way = tmp_path / "under_way"
    shutil.copytree(run, under_way)
    for name in ("report.json", "architecture.json", "report.html"):
        (under_way / name).unlink()
    assert run_data(under_way)["report"] is None
    assert "<html" in run_page(under_way)
    (under_way / "graph.json").unlink()
    assert run_data(under_way)["graph"] is None
    (under_way / "run.json").write_text("[")
    with pytest.raises(SpaceError, match="damaged"):
        run_page(under_way)


def test_the_page_shows_what_came_out_and_plays_it_back(visit, run):
    page = visit.open(run / "report.html").page
    architecture = json.loads((run / "architecture.json").read_text())
    assert len(visit.texts(".words li")) == len(architecture["decisions"])
    assert visit.texts(".result tbody th")[:2] == ["AUC ↑", "logloss ↓"]
    assert page.locator(".card").count() == 4  # three decisions, and widths against cardinalities
    assert page.locator(".charts figure").count() >= 3
    keep = next(d for d in architecture["decisions"] if d["name"] == "keep")
    on = sum(element["value"] == "on" for element in keep["elements"])
    card = page.locator(".card", has_text="keep[i < j in fields]")
    assert (f"on for {on}" in card.locator(".said").text_content()) or on == 0

    assert page.text_content(".moment") == "result"
    before = page.locator(".graph .arrow").first.get_attribute("d")
    slider = page.locator(".replay input")
    slider.fill("0")
    assert page.text_content(".moment").startswith("baseline")
    assert card.locator(".said").text_content() == "not searched at this moment"
    end_of_search = max(k for k, tick in enumerate(ticks(run)) if "weights" in tick)
    slider.fill(str(end_of_search))
    assert page.text_content(".moment").startswith("0.relax")
    assert " for " in card.locator(".said").text_content()
    assert page.locator(".cursor[visibility=visible]").count() >= 3
    visit.until(lambda: page.locator(".graph .arrow[stroke-width]").count() > 0, "arrows with weights")
    assert page.locator(".graph .arrow").first.get_attribute("d") == before  # weights move nothing
    page.click(".play")
    visit.until(lambda: page.text_content(".moment") == "result", "played to the end")


def test_trials_stand_against_every_cost_with_what_none_beats_joined(visit, run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    judged = [(0.60, 100, 5.0), (0.65, 200, 4.0), (0.62, 300, 9.0), (0.70, 400, 8.0), (0.71, 500, 8.0)]
    number = max(event["number"] for event in map(json.loads, (folder / "events.jsonl").open()))
    with (folder / "events.jsonl").open("a") as file:
        for k, (score, parameters, flops) in enumerate(judged):
            event = {"event": "trial", "stage": "0.nsga2", "step": k, "trial": k, "score": score, "metric": "auc"}
            event |= {
                "version": 1,
                "number": number + 1 + k,
                "time": 0.0,
                "parameters": parameters,
                "costs": {"flops": flops},
            }
            file.write(json.dumps(event) + "\n")
    write_report(folder)
    page = visit.open(folder / "report.html").page
    assert visit.texts("#trials figcaption") == [
        "auc on validation rows against parameters",
        "auc on validation rows against flops",
    ]
    fronts = [figure.locator(".dot.l5").count() for figure in page.locator("#trials figure").all()]
    assert fronts == [4, 2]
    page.locator("#trials figure summary").last.click()
    visit.until(lambda: page.locator("#trials figure tbody th").count() > 0, "the trials as a table")
    assert "trial 5: auc 0.71, 8 of flops" in " ".join(visit.texts("#trials figure tbody th"))


def ticks(run):
    return [event for event in run_data(run)["events"] if event["event"] == "progress"]


def test_the_page_can_be_read_and_printed(visit, run):
    page = visit.open(run / "report.html").page
    page.locator(".card details summary").first.click()
    visit.until(lambda: page.locator(".card details table tbody tr").count() > 0, "the values as a table")
    assert page.locator("svg[role=img]:not([aria-label])").count() == 0
    assert page.locator("h1").count() == 1
    assert HOSTILE in " ".join(visit.texts(".card"))
    assert page.locator("img").count() == 0
    page.emulate_media(media="print")
    assert page.locator(".replay").is_hidden()
    assert len(page.pdf()) > 20_000


def test_pages_of_runs_are_small(run):
    assert (run / "report.html").stat().st_size < 1_000_000


def test_gates_of_values_are_shown_by_the_share_that_is_on(visit, tmp_path):
    table, synth = tmp_path / "t.parquet", ("--users", "60", "--items", "60", "--rows", "1500", "--seed", "2")
    assert call("data", "synth", "--implicit", "-o", table, *synth).returncode == 0
    how = ("--set", "width=4", "--set", "p1=0.4", "--epochs", "2")
    assert call("run", "bpfis", "--data", table, "-o", tmp_path / "run", *how).returncode == 0
    page = visit.open(tmp_path / "run" / "report.html").page
    card = page.locator(".card", has_text="first[u in values")
    shares = run_data(tmp_path / "run")["decided"][0]["values"]
    said = card.locator(".said").text_content()
    assert said.startswith(f"{round(100 * sum(shares) / 2, 1):g}% of 120; most: ")
    assert card.locator(".elements .cell").count() == 2
    page.locator(".replay input").fill(str(len(ticks(tmp_path / "run")) - 1))
    assert "% of 120" in card.locator(".said").text_content()

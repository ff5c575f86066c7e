"""A run while it goes on: as a page that grows, for this machine alone, and in the terminal."""

import http.client
import json
import threading

import pytest
from cli.calling import call

from recspace.cli.sparklines import sparkline
from recspace.pages import Watch
from recspace.pages.server import messages
from recspace.runtime.course import course

BEGUN = [
    {"event": "started", "stages": ["baseline", "0.relax"], "seed": 0},
    {"event": "stage", "stage": "baseline", "steps": 10},
    {"event": "progress", "stage": "baseline", "step": 1, "loss": 0.7, "of": 1},
    {"event": "progress", "stage": "baseline", "step": 3, "loss": 0.6, "of": 3},
]
LATER = [
    {"event": "epoch", "stage": "baseline", "step": 5, "figures": {"loss": 0.58, "auc": 0.61}},
    {"event": "progress", "stage": "baseline", "step": 5, "loss": 0.58, "of": 5},
    {
        "event": "finished",
        "stage": "baseline",
        "step": 5,
        "figures": {"seconds": 1.5, "test": {"auc": 0.6}},
        "memory_mb": 400.0,
    },
    {"event": "stage", "stage": "0.relax", "steps": 10},
    {"event": "progress", "stage": "0.relax", "step": 2, "loss": 0.5, "of": 2, "entropy": {"keep": 0.9}},
]


def add(folder, events, first):
    with (folder / "events.jsonl").open("a") as file:
        for k, event in enumerate(events):
            file.write(json.dumps({"version": 1, "number": first + k, "time": 0.0, **event}) + "\n")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    (made / "run.json").write_text(json.dumps({"version": 2, "bound": {}, "settings": {"seed": 0}}))
    add(made, BEGUN, 0)
    return made


@pytest.fixture
def server(folder):
    with Watch(folder) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield found
        found.shutdown()


def test_losses_are_differences_of_means():
    found = course(BEGUN + LATER)
    assert [step for step, _ in found.series["loss", "baseline"]] == [1, 3, 5]
    assert [value for _, value in found.series["loss", "baseline"]] == pytest.approx([0.7, 0.55, 0.55])
    assert found.series["loss", "0.relax"] == [(7, 0.5)]
    assert found.series["auc", "baseline"] == [(5, 0.61)]
    assert found.series["entropy", "keep"] == [(7, 0.9)]
    assert [(s.name, s.begins, s.at, s.memory_mb) for s in found.stages] == [
        ("baseline", 0, 5, 400.0),
        ("0.relax", 5, 2, None),
    ]
    assert not found.done
    assert course([*BEGUN, {"event": "done"}]).done


def test_events_come_as_they_are_written(folder):
    add(folder, LATER[:1], 4)
    stream = messages(folder / "events.jsonl", 3)
    assert [e["event"] for e in json.loads(next(stream).removeprefix("data: "))] == ["epoch"]
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"version": 1, "number": 5, "event": "prog')  # a line that is not whole yet
    add_rest = threading.Timer(
        0.6, lambda: (folder / "events.jsonl").open("a").write('ress", "stage": "baseline", "step": 6}\n')
    )
    add_rest.start()
    assert json.loads(next(stream).removeprefix("data: ")) == [{"event": "progress", "stage": "baseline", "step": 6}]
    add(folder, [{"event": "resumed", "from": 2}], 6)
    assert next(stream).startswith("event: again")
    with pytest.raises(StopIteration):
        next(stream)


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [("/", None, 200), ("/x", None, 404), ("/", "evil.example", 403), ("/../run.json", None, 404)],
)
def test_for_this_machine_alone(server, path, host, status):
    assert server.server_address[0] == "127.0.0.1"
    connection = http.client.HTTPConnection(*server.server_address)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_address[1]}")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    connection.close()


def test_the_page_grows_while_the_run_goes_on(visit, server, folder):
    page = visit.go(server.address).page
    assert "baseline, step 3 of at most 10" in page.text_content(".state")
    points = page.locator(".chart path.line").count()
    add(folder, LATER, len(BEGUN))
    visit.until(lambda: "0.relax" in page.text_content(".state"), "the next stage")
    assert page.locator(".chart path.line").count() > points
    assert "400 MB" in " ".join(visit.texts("#stages td"))


def test_in_a_terminal(folder, tmp_path):
    add(folder, LATER, len(BEGUN))
    shown = call("watch", folder, "--terminal").stdout
    assert "running" in shown
    assert "0.relax" in shown
    assert "█" in shown
    assert call("watch", tmp_path).returncode == 3
    assert call("watch", folder, "--port", "x").returncode == 2
    with Watch(folder) as taken:
        refused = call("watch", folder, "--port", str(taken.server_address[1]))
    assert refused.returncode == 3
    assert "S0722" in refused.stderr


def test_sparklines_show_the_shape():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1.0] * 3) == "▁▁▁"
    assert len(sparkline(list(range(1000)), 20)) == 20
    assert sparkline([]) == ""

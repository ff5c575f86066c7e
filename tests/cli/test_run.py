"""From a generated table to the report, in processes of their own: run, interrupt, resume, refuse."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from recspace.dsl import library_path

from .calling import call, called

SMALL = ("--fields", "6", "--groups", "3", "--decoys", "1", "--cardinality", "8", "--rows", "3000", "--seed", "1")
FIX = ("--fix", "keep[f1,f2]=on", "--fix", "keep[f3,f1]=off")
"""One of each: no search of so few steps tells these two pairs apart."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "planted.parquet"
    assert call("data", "synth", "-o", path, *SMALL).returncode == 0
    return path


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    """A run of AutoFIS, and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "autofis"
    arguments = ("--set", "width=4", "--epochs", "1", *FIX, "--seed", "3")
    result = call("run", "autofis", "--data", table, "-o", folder, *arguments)
    assert result.returncode == 0, result.stderr
    return folder, result


def test_a_planted_table_tells_its_truth(table):
    found = called("data", "synth", "-o", table.with_name("again.parquet"), *SMALL)
    truth = json.loads(table.with_suffix(".truth.json").read_text())
    assert found["groups"] == truth["groups"]
    assert len(truth["groups"]) == 3
    assert table.read_bytes() == table.with_name("again.parquet").read_bytes()


def test_inspect_prints_a_block_that_can_be_used(table, tmp_path):
    found = called("data", "inspect", table)
    assert {c["name"]: c["use"] for c in found["columns"]}["label"] == "label"
    block = tmp_path / "mine.space"
    block.write_text(found["block"])
    assert called("check", "autofis", "--data", block)["data"]["rows"] == 3000
    assert found["block"] in call("data", "inspect", table).stdout


def test_columns_are_renamed_and_tables_replaced(table, tmp_path):
    space = tmp_path / "one.space"
    space.write_text("space One\npredict sigmoid(weight(words))\nminimize logloss\n")
    assert call("check", space, "--data", table).returncode == 1
    assert call("check", space, "--data", table, "--rename", "f1=words").returncode == 0
    (tmp_path / "d.space").write_text('data d { source: "gone.parquet" label: label words: category() }')
    assert call("check", space, "--data", tmp_path / "d.space").returncode == 1
    (tmp_path / "e.space").write_text("data d { label: label f1: category() }")
    found = called("check", space, "--data", tmp_path / "e.space", "--source", table, "--rename", "f1=words")
    assert found["ok"] is True
    assert call("check", space, "--data", table, "--rename", "f1=words", "--label", "f9").returncode == 1


def test_a_missing_table_is_a_diagnostic(tmp_path):
    for command in (["data", "inspect", tmp_path / "no.parquet"], ["check", "autofis", "--data", tmp_path / "no.csv"]):
        result = call(*command)
        assert result.returncode == 1
        assert "error[S05" in result.stderr


def test_run_ends_with_the_table(finished):
    folder, result = finished
    for row in ("AUC", "logloss", "parameters", "embedding bytes", "seconds"):
        assert row in result.stdout
    assert "hand-made" in result.stdout
    assert "the derived model, trained anew, has" in result.stdout
    assert re.search(r"^keep: \d+ of 15 on: .*f1×f2", result.stdout, re.MULTILINE)
    assert re.search(r"^AUC ↑ .* ± 0\.\d{4}  +(better|worse|may be chance)$", result.stdout, re.MULTILINE)
    assert re.search(r"^planted interactions: keep found \d of 3: \d+ of 15 are on", result.stdout, re.MULTILINE)
    assert "baseline" in result.stderr
    assert "\x1b[" not in result.stdout + result.stderr
    assert {"architecture.json", "report.json", "events.jsonl", "model.py", "model.safetensors"} <= {
        path.name for path in folder.iterdir()
    }


def test_the_options_of_a_run_are_heeded(finished):
    folder, _ = finished
    report = json.loads((folder / "report.json").read_text())
    assert report["settings"]["seed"] == 3
    assert report["settings"]["set"] == ["width=4"]
    (keep,) = json.loads((folder / "architecture.json").read_text())["decisions"]
    values = {e["name"]: e["value"] for e in keep["elements"]}
    assert (values["keep[f1,f2]"], values["keep[f1,f3]"]) == ("on", "off")
    # Six fields of at most nine rows each, four numbers a row, and one a row of the first order.
    assert report["hand_made"]["embedding_bytes"] <= 6 * 9 * (4 + 1) * 4


def test_a_run_that_is_done_is_shown_again(finished):
    folder, result = finished
    again = call("resume", folder)
    assert again.returncode == 0
    assert again.stdout == result.stdout


def test_the_same_bits_from_the_same_seed(finished, table, tmp_path):
    folder, _ = finished
    arguments = ("--set", "width=4", "--epochs", "1", *FIX, "--seed", "3")
    found = called("run", "autofis", "--data", table, "-o", tmp_path / "twin", *arguments)
    assert found["report"]["searched"]["test"] == json.loads((folder / "report.json").read_text())["searched"]["test"]
    assert (tmp_path / "twin" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_space_with_nothing_to_choose_has_one_model(table, tmp_path):
    result = call("run", "deepfm", "--data", table, "-o", tmp_path / "run", "--epochs", "1", "--set", "width=4")
    assert result.returncode == 0, result.stderr
    assert "hand-made" not in result.stdout
    assert "AUC" in result.stdout


def test_a_strategy_can_be_written_on_the_spot(table, tmp_path):
    recipe = "random(trials = 2, epochs = 1) retrain(epochs = 1)"
    found = called("run", "autofis", "--data", table, "-o", tmp_path / "run", "--set", "width=4", "--strategy", recipe)
    assert [stage["stage"] for stage in found["report"]["stages"]] == ["baseline", "0.random", "1.retrain"]
    assert call("run", "autofis", "--data", table, "--strategy", "autodmi").returncode == 1
    assert call("run", "autofis", "--data", table, "--strategy", "random(trials = )").returncode == 1


def test_a_rehearsal_trains_nothing(table, tmp_path):
    found = called("run", "autofis", "--data", table, "-o", tmp_path / "run", "--dry-run", "--set", "width=4")
    assert found["rows"] == {"train": 2400, "valid": 300, "test": 300}
    assert found["training_bytes"] > found["parameters"] * 16 - 1
    assert [stage["name"] for stage in found["stages"]] == ["baseline", "0.relax", "1.derive", "2.retrain"]
    assert not (tmp_path / "run").exists()
    # What is kept between layers grows with the rows of a step, weights do not.
    stages = "relax(as = gate, batch_size = {0}) derive() retrain(batch_size = {0})"
    small, large = (
        called("run", "autofis", "--data", table, "--dry-run", "--set", "width=4", "--strategy", stages.format(n))
        for n in (100, 400)
    )
    assert small["training_bytes"] == large["training_bytes"]
    assert 3.5 * small["activation_bytes"] < large["activation_bytes"] <= 4 * small["activation_bytes"]


def test_a_rehearsal_says_what_is_fixed_and_what_is_left(table):
    arguments = ("run", "autofis", "--data", table, "--dry-run", "--set", "width=4", "--fix", "keep[f2,*]=on")
    found = called(*arguments)
    assert found["fixed"] == {"keep": 5}
    assert found["left"] == 2**10
    assert "5 of keep; 1,024 architectures are left" in call(*arguments).stdout
    refused = call(*arguments, "--strategy", "exhaustive(limit = 10) retrain()")
    assert refused.returncode == 1
    assert "S0609" in refused.stderr


def test_what_cannot_be_run_yet_is_refused_and_leaves_nothing(table, tmp_path):
    result = call("run", "autofis", "--data", table, "-o", tmp_path / "run", "--strategy", "variational(epochs = 1)")
    assert result.returncode == 1
    assert "error[S06" in result.stderr
    assert not (tmp_path / "run").exists()


def test_data_without_a_label_is_refused(table, tmp_path):
    (tmp_path / "d.space").write_text(f'data d {{ source: "{table}"\n f1: category()\n f2: category() }}')
    result = call("run", "autofis", "--data", tmp_path / "d.space", "-o", tmp_path / "run")
    assert result.returncode == 1
    assert "error[S0612]" in result.stderr
    assert "minimize logloss" in result.stderr


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(finished, table, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "recspace", "run", "autofis", "--data", table, "-o", folder, "--set", "width=4",
         "--epochs", "60", "--seed", "3"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "events.jsonl").is_file() and '"epoch"' in (folder / "events.jsonl").read_text():
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 3, shown
    assert f"recspace resume {folder}" in shown
    assert "Traceback" not in shown
    result = call("resume", folder)
    assert result.returncode == 0, result.stderr
    assert (folder / "report.json").is_file()


def test_resume_refuses_what_has_changed(table, tmp_path):
    space = tmp_path / "mine.space"
    space.write_text(
        "space Mine\nlet e[f in fields] = embed(f, 4)\nchoose k[f in fields] from {off, on}\n"
        "predict sigmoid(sum(sum(k[f] * e[f]) for f in fields))\nminimize logloss\n"
        "search { relax(as = gate, epochs = 1) derive(by = magnitude, threshold = 0) retrain(epochs = 1) }\n"
    )
    folder = tmp_path / "run"
    result = call("run", space, "--data", table, "-o", folder)
    assert result.returncode == 0, result.stderr
    (folder / "report.json").unlink()
    space.write_text(space.read_text().replace("embed(f, 4)", "embed(f, 5)"))
    refused = call("resume", folder)
    assert refused.returncode == 3
    assert "space changed" in refused.stderr


@pytest.mark.parametrize(
    "recipe",
    [
        "random(trials = 2, epochs = 1) retrain(epochs = 1)",
        "relax(as = sigmoid) derive(threshold = 0) retrain(epochs = 1)",
    ],
)
def test_what_is_found_meets_requirements_and_the_hand_made_model_need_not(table, tmp_path, recipe):
    space, folder = tmp_path / "mine.space", tmp_path / "run"
    space.write_text(
        "space Mine\nlet e[f in fields] = embed(f, 4)\nchoose keep[i < j in fields] from {off, on}\n"
        "require sum(keep) <= 3\nrequire sum(keep) >= 2\n"
        "predict sigmoid(bias() + sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields))\nminimize logloss\n"
        f"search {{ {recipe} }}\n"
    )
    report = called("run", space, "--data", table, "-o", folder)["report"]
    chosen = json.loads((folder / "architecture.json").read_text())["decisions"][0]["elements"]
    assert sum(e["value"] == "on" for e in chosen) in (2, 3)
    assert report["hand_made"]["parameters"] >= report["searched"]["parameters"]
    assert (folder / "baseline.py").read_text() != (folder / "model.py").read_text()
    refused = call("run", space, "--data", table, "-o", tmp_path / "other", "--strategy", "train(epochs = 1)")
    assert refused.returncode == 1
    assert "S0410" in refused.stderr


def test_a_space_that_was_moved_is_found_by_saying_where(table, tmp_path):
    space, folder = tmp_path / "mine.space", tmp_path / "run"
    space.write_text((library_path() / "interaction" / "autofis.space").read_text())
    assert call("run", space, "--data", table, "-o", folder, "--set", "width=4", "--epochs", "1").returncode == 0
    (folder / "report.json").unlink()
    space.rename(tmp_path / "yours.space")
    lost = call("resume", folder)
    assert lost.returncode == 1
    assert "--file" in lost.stderr
    assert call("resume", folder, "--file", tmp_path / "yours.space").returncode == 0
    assert (folder / "report.json").is_file()


def test_what_was_planted_is_compared(finished, table, tmp_path):
    folder, _ = finished
    truth = json.loads(table.with_suffix(".truth.json").read_text())
    elements = json.loads((folder / "architecture.json").read_text())["decisions"][0]["elements"]
    on = {frozenset(e["key"]) for e in elements if e["value"] == "on"}
    (found,) = called("data", "compare", folder, table.with_suffix(".truth.json"))["planted"]
    assert (found["planted"], found["of"], found["taken"]) == (3, 15, len(on))
    assert found["found"] == len(on & {frozenset(g) for g in truth["groups"]})
    shuffled = tmp_path / "shuffled.truth.json"
    shuffled.write_text(json.dumps({**truth, "plan": {**truth["plan"], "permuted": True}}))
    assert "is chance" in call("data", "compare", folder, shuffled).stdout
    wide = tmp_path / "wide.truth.json"
    wide.write_text('{"groups": [["f1", "f2", "f3"]]}')
    assert "decides on no groups of 3 fields" in call("data", "compare", folder, wide).stdout


@pytest.mark.parametrize("text", ["", "[]", '{"groups": []}', '{"groups": [[1, 2]]}', '{"groups": 3}', "\0"])
def test_what_is_no_truth_is_a_diagnostic(finished, tmp_path, text):
    path = tmp_path / "x.truth.json"
    path.write_text(text)
    result = call("data", "compare", finished[0], path)
    assert result.returncode == 1
    assert "error[S0581]" in result.stderr
    assert call("data", "compare", tmp_path, path).returncode == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [("run.json", "{}"), ("run.json", "["), ("report.json", "[]"), ("report.json", "{}"), ("architecture.json", "{}"),
     ("architecture.json", '{"decisions": [{"name": 3}]}')],
)  # fmt: skip
def test_files_that_no_run_wrote_are_a_diagnostic(finished, name, text):
    folder, _ = finished
    path = folder / name
    before = path.read_text()
    path.write_text(text)
    try:
        result = call("resume", folder)
    finally:
        path.write_text(before)
    assert result.returncode == 3
    assert "error[S0703]" in result.stderr


def test_a_truth_that_cannot_be_read_hides_no_result(finished, table):
    folder, _ = finished
    path = table.with_suffix(".truth.json")
    before = path.read_text()
    path.write_text("[")
    try:
        again = call("resume", folder)
    finally:
        path.write_text(before)
    assert again.returncode == 0
    assert "warning[S0581]" in again.stderr
    assert "AUC" in again.stdout


def test_a_refused_run_is_put_right_and_started_again(table, tmp_path):
    folder = tmp_path / "run"
    arguments = ("run", "autofis", "--data", table, "-o", folder, "--set", "width=4")
    refused = call(*arguments, "--strategy", "exhaustive(limit = 10) retrain(epochs = 1)")
    assert refused.returncode == 1
    assert "error[S0609]" in refused.stderr
    assert "baseline" not in refused.stderr
    assert not folder.exists()
    assert call(*arguments, "--strategy", "train(epochs = 1)").returncode == 0


def test_a_folder_that_is_taken_is_seen_before_the_table_is_read(finished, tmp_path):
    folder, _ = finished
    result = call("run", "autofis", "--data", tmp_path / "no.csv", "-o", folder)
    assert result.returncode == 3
    assert "holds a run that is done" in result.stderr
    assert f"-o {folder}-2" in result.stderr
    file = tmp_path / "file.csv"
    file.write_text("mine")
    for place in (file, file / "inside"):
        result = call("run", "autofis", "--data", tmp_path / "no.csv", "-o", place)
        assert result.returncode == 3
        assert "is a file" in result.stderr
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_diagnostic(table):
    result = call("run", "autofis", "--data", table, "-o", "/proc/no-such-run", "--set", "width=4")
    assert result.returncode == 3
    assert "error[S0706]" in result.stderr


def test_resume_of_nothing():
    result = call("resume", "no-such-run")
    assert result.returncode == 3
    assert "S0703" in result.stderr

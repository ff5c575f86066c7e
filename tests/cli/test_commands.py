"""Every command that reads: exit codes, what it prints, JSON, and what it does not import."""

import json
import os
import re
import resource
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from recspace.dsl import apply_edits, library_path
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Source, Span
from recspace.reading import shipped

from .calling import call, called, modules_of

BROKEN = """space Broken
let e[f in fields] = embde(f, 8)
predict sigmoid(linear(sum(e[f] for f in field), 1))
minimize logloss
"""


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.space"
    path.write_text(BROKEN)
    return path


def test_check_says_that_a_shipped_space_is_fine():
    result = call("check", "autofis")
    assert result.returncode == 0
    assert "no errors" in result.stdout
    assert "68,719,476,736" in result.stdout
    assert result.stderr == ""


def test_names_in_recipes_are_those_of_the_space(tmp_path):
    path = tmp_path / "t.space"
    path.write_text(
        "space T\nchoose keep[f in fields] from {off, on}\npredict sigmoid(sum(keep[f] * weight(f) for f in fields))\n"
        "minimize logloss\nsearch { relax(as = gate) derive(top = 1, per = g) one_shot(only = [kep]) }\n"
    )
    result = call("check", path)
    assert result.returncode == 1
    assert result.stderr.count("error[S0607]") == 2
    assert "there is no index `g`" in result.stderr
    assert "did you mean `keep`?" in result.stderr
    path.write_text(path.read_text().replace("per = g", "per = f").replace("[kep]", "[keep]"))
    assert call("check", path).returncode == 0


def test_check_shows_all_errors_in_one_go(broken):
    result = call("check", broken)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "broken.space:2:22" in result.stderr
    assert "broken.space:3:42" in result.stderr
    assert "embed" in result.stderr.partition("help")[2]


def test_check_as_json_has_edits_that_mend_the_file(broken):
    found = called("check", broken)
    assert found["ok"] is False
    source = Source("x", BROKEN)
    starts = [0, *(m.end() for m in re.finditer("\n", BROKEN))]
    edits = []
    for diagnostic in found["diagnostics"]:
        for edit in diagnostic["edits"]:
            start = starts[edit["line"] - 1] + edit["column"] - 1
            end = starts[edit["end_line"] - 1] + edit["end_column"] - 1
            edits.append(Edit(Span(source, start, end), edit["text"]))
    assert len(edits) == 2
    broken.write_text(apply_edits(BROKEN, edits))
    assert call("check", broken).returncode == 0


def test_errors_are_coloured_on_terminals_alone(broken):
    assert "\x1b[" not in call("check", broken).stderr


def test_a_name_that_is_not_shipped_is_answered_with_one_that_is():
    result = call("check", "autofs")
    assert result.returncode == 1
    assert "did you mean `autofis`?" in result.stderr


@pytest.mark.parametrize("command", ["check", "size", "graph"])
def test_a_missing_file_is_a_diagnostic(command, tmp_path):
    result = call(command, tmp_path / "none.space")
    assert result.returncode == 1
    assert "error[S0001]" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["chekc", "autofis"], ["check"], ["graph", "autofis", "-o", "x.jpg"],
                                       ["run", "autofis", "--epochs", "0"], ["run", "autofis", "--rename", "x"],
                                       ["data", "synth", "-o", "x.csv"], ["run", "autofis"],
                                       ["predict", "x", "y", "-o", "z.txt"], ["explain", "S9999"]])  # fmt: skip
def test_usage_is_exit_code_2(arguments):
    result = call(*arguments)
    assert result.returncode == 2
    assert result.stderr


def test_params_are_set_from_outside():
    decisions = called("size", "autofis", "--set", "width=16")["decisions"]
    assert decisions[0]["elements"] == 36
    assert called("size", "nis", "--set", "T = 2", "--set", "width=32")["size"]["value"] == 36
    wrong = call("check", "autofis", "--set", "widht=3")
    assert wrong.returncode == 1
    assert "did you mean `width`?" in wrong.stderr
    assert call("check", "autofis", "--set", "width=").returncode == 1
    assert call("check", "autofis", "--set", "width=8 let x = 1").returncode == 1


def test_size_prints_formula_number_and_decisions():
    result = call("size", "autofis")
    assert result.returncode == 0
    assert "keep[i < j in fields]  × 36  {off, on}" in result.stdout
    assert "68719476736" in result.stdout
    assert "2^36" in result.stdout


def test_size_prints_every_digit_of_a_huge_number():
    """Python itself refuses to print more than 4,300."""
    digits = re.search(r"exactly +(\d+)", call("size", "pep").stdout)
    assert digits is not None
    assert len(digits[1]) > 40_000
    assert called("size", "pep")["size"]["value"] == digits[1]


def test_a_file_without_a_space_has_no_size():
    parts = library_path() / "lib" / "parts.space"
    assert call("check", parts).returncode == 0
    result = call("size", parts)
    assert result.returncode == 1
    assert "S0006" in result.stderr


def test_list_knows_every_shipped_space():
    spaces = {entry["name"]: entry for entry in called("list")["spaces"]}
    assert set(spaces) == set(shipped())
    autofis = spaces["autofis"]
    assert autofis["category"] == "interaction"
    assert autofis["size"]["value"] == 2**36
    assert autofis["stages"] == ["relax", "derive", "retrain"]
    assert autofis["levels"] == ["pair"]
    assert autofis["task"] == "ctr"
    assert spaces["autodim"]["levels"] == ["field"]
    assert spaces["pep"]["levels"] == ["field × value × dimension"]
    assert {name for name, entry in spaces.items() if entry["task"] == "topk"} == {
        "bpfis",
        "bpfis_groups",
        "mf",
        "neumf",
        "rule",
    }
    assert {name for name, entry in spaces.items() if entry["task"] == "rating"} == {
        "autoemb",
        "autoloss_ratings",
        "esapn",
        "sif",
        "sif_autodim",
    }
    runs = {name: entry["runs"] for name, entry in spaces.items()}
    assert {name: said for name, said in runs.items() if said != "yes"} == {
        "amtl": "one value a field",
        "autodim_autofis_optinter": "one value a field",
        "optinter": "one value a field",
    }
    lines = call("list").stdout.splitlines()
    assert sum(line.startswith(tuple(spaces)) for line in lines) == len(spaces)


def test_explain():
    assert "Wrong" in call("explain", "S0312").stdout
    assert called("explain", "312")["code"] == "S0312"
    codes = [entry["code"] for entry in called("explain")["codes"]]
    assert {"S0001", "S0006", "S0312", "S0620", "S0621", "S0612"} <= set(codes)


def test_graph_writes_what_the_suffix_says(tmp_path):
    for suffix in ("json", "dot", "svg"):
        assert call("graph", "autofis", "-o", tmp_path / f"x.{suffix}").returncode == 0
    data = json.loads((tmp_path / "x.json").read_text())
    keep = next(node for node in data["nodes"] if node["kind"] == "decision")
    assert (keep["name"], keep["axes"], keep["rows"]) == ("keep", ["i < j in fields"], 36)
    ids = {node["id"] for node in data["nodes"]}
    assert {end for edge in data["edges"] for end in (edge["source"], edge["target"])} <= ids
    assert (tmp_path / "x.dot").read_text().startswith('digraph "AutoFIS" {')
    texts = [text for node in ET.parse(tmp_path / "x.svg").iter() for text in [node.text] if text]
    assert "keep[i < j in fields] × 36" in texts
    assert "keep" in call("graph", "autofis").stdout
    assert call("graph", "autofis", "-o", tmp_path / "no" / "x.svg").returncode == 2


@pytest.mark.parametrize("arguments", [["check", "autofis"], ["size", "optinter"], ["list"], ["explain", "S0312"],
                                       ["graph", "autodim"]])  # fmt: skip
def test_what_only_reads_imports_no_torch(arguments):
    modules = modules_of(*arguments)
    assert "recspace.dsl" in modules
    assert "networkx" not in modules or arguments[0] in ("graph", "list")
    assert {"torch", "polars", "rich", "lightgbm", "lark"} & modules == set()


def test_check_answers_at_once(tmp_path):
    """Processor time of the whole process, compiled once: the least of several, since others use the machine too."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "recspace", "check", "autofis"], env=environment, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds()
    assert min(seconds() for _ in range(7)) < 0.8  # 0.25 where nothing else runs


def test_an_unexpected_failure_is_a_message_and_a_file(monkeypatch, capsys, tmp_path):
    from recspace import checking, cli

    def failing(question):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(checking, "judge", failing)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["check", "autofis"]) == 3
    shown = capsys.readouterr().err
    assert "RuntimeError: no such luck" in shown
    assert "Traceback" not in shown
    (kept,) = tmp_path.iterdir()
    assert str(kept) in shown
    assert "Traceback" in kept.read_text()
    assert cli.main(["check", "autofis", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_pipe_that_closes_early_is_no_failure():
    process = subprocess.Popen(
        [sys.executable, "-m", "recspace", "size", "pep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, shown = process.communicate(timeout=60)
    assert shown == b""
    assert process.returncode == 0

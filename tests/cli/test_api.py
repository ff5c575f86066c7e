"""`import recspace`: what the commands stand on."""

import subprocess
import sys

import pytest

import recspace
from recspace.dsl import Source

TEXT = """space Small
param width = 4
let e[f in fields] = embed(f, width)
choose keep[f in fields] from {off, on}
predict sigmoid(sum(sum(keep[f] * e[f]) for f in fields))
minimize logloss
search { relax(as = gate, epochs = 1) derive(by = magnitude, threshold = 0) retrain(epochs = 1) }
"""


def test_importing_costs_nothing():
    code = "import sys, recspace; sys.exit(bool({'numpy', 'torch', 'networkx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_public_names_are_there():
    assert all(getattr(recspace, name) is not None for name in recspace.__all__)
    with pytest.raises(AttributeError):
        _ = recspace.nothing


def test_load_reads_and_compile_checks():
    loaded = recspace.load("autofis")
    assert loaded.program.file.space is not None
    space = recspace.compile(loaded, set={"width": 8})
    assert space.size.value == 2**36
    assert space.decisions[0].name == "keep"
    assert "class" in space.compiled().source
    with pytest.raises(recspace.SpaceError):
        recspace.load("autofs")
    with pytest.raises(recspace.SpaceError):
        recspace.compile(Source("bad.space", TEXT.replace("embed", "embde")))


def test_search_and_run(tmp_path):
    from recspace.runtime.data.synth import Plan, write

    table = tmp_path / "t.parquet"
    write(Plan(fields=4, cardinality=5, rows=400, groups=2, decoys=0), table)
    path = tmp_path / "small.space"
    path.write_text(TEXT)
    space = recspace.compile(path, table, set={"width": 2})
    run = recspace.search(space, tmp_path / "run", seed=1)
    assert run.done
    assert 0 <= run.report["searched"]["test"]["auc"] <= 1
    assert len(run.architecture["decisions"][0]["elements"]) == 4
    assert run.events[-1]["event"] == "done"
    assert recspace.Run(tmp_path / "run").resume().report == run.report
    with pytest.raises(FileNotFoundError):
        recspace.Run(tmp_path / "nothing")
    with pytest.raises(recspace.SpaceError):
        recspace.search(space, tmp_path / "run")
    with pytest.raises(ValueError, match="file"):
        recspace.search(recspace.compile(Source("no file", TEXT), table), tmp_path / "other")


def test_slips_of_arguments_are_met(tmp_path):
    import polars as pl

    with pytest.raises(TypeError, match="DataFrame; write it to a Parquet file"):
        recspace.compile("autofis", pl.DataFrame({"a": [1]}))
    space = recspace.compile("autofis", set={"width": 8})
    assert len(repr(space)) < 200
    assert "AutoFIS" in repr(space)
    from recspace.runtime.data.synth import Plan, write

    write(Plan(fields=4, cardinality=5, rows=400, groups=2, decoys=0), tmp_path / "t.parquet")
    path = tmp_path / "small.space"
    path.write_text(TEXT)
    bound = recspace.compile(path, tmp_path / "t.parquet")
    assert len(repr(bound.schema)) < 2000
    run = recspace.search(bound, tmp_path / "run", fix="keep=on")
    assert {e["value"] for e in run.architecture["decisions"][0]["elements"]} == {"on"}
    assert run.report["same_architecture"] is True

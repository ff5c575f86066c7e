"""`recspace why`: a field that says nothing is found out, and what is printed leaves it out of the next search."""

import shlex

import numpy as np
import polars as pl
import pytest

from .calling import call, called

SPACE = """space Why
choose keep[f in fields] from {off, on}
predict sigmoid(bias() + sum(keep[f] * weight(f) for f in fields))
minimize logloss
search { random(trials = 32, epochs = 1, batch_size = 500) }
search plain { train(epochs = 1) }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("why")
    rng = np.random.default_rng(0)
    ids = {name: rng.integers(0, 4, 2000) for name in ("a", "b", "c", "d", "e")}
    logit = rng.permutation([-3, -1, 1, 3])[ids["a"]] + rng.permutation([-3, -1, 1, 3])[ids["b"]]
    label = (rng.random(2000) < 1 / (1 + np.exp(-logit))).astype(int)
    columns = {name: [f"{name}{v}" for v in own] for name, own in ids.items()}
    pl.DataFrame({**columns, "label": label}).write_parquet(folder / "t.parquet")
    (folder / "why.space").write_text(SPACE)
    call("run", folder / "why.space", "--data", folder / "t.parquet", "-o", folder / "run")
    return folder


def test_what_never_mattered_is_left_out(place):
    found = called("why", place / "run")
    verdicts = {e["name"]: e["verdict"] for e in found["elements"]}
    assert verdicts["keep[a]"] == verdicts["keep[b]"] == "mattered"
    never = {name for name, verdict in verdicts.items() if verdict == "never mattered"}
    assert never == {"keep[c]", "keep[d]", "keep[e]"}
    strict = called("why", place / "run", "--tolerance", "0.001")["elements"]
    assert "never mattered" not in {e["verdict"] for e in strict}  # 32 trials cannot tell as much
    assert {text.partition("=")[0] for text in found["fix"]} == never
    assert found["never_mattered"] == []
    settings = shlex.split(call("why", place / "run", "--freeze").stdout)
    words = ("run", place / "why.space", "--data", place / "t.parquet", "-o", place / "again", *settings)
    assert call(*words).returncode == 0
    trials = called("trials", place / "again")["trials"]
    assert len(trials) == 2 ** (5 - len(never))
    said = call("why", place / "run").stdout
    assert "keep[a]" in said


def test_a_run_that_judged_nothing_is_refused(place):
    call("run", place / "why.space", "--data", place / "t.parquet", "-o", place / "plain", "--strategy", "plain")
    result = call("why", place / "plain")
    assert result.returncode == 3
    assert "S0771" in result.stderr
    assert "S0703" in call("why", place / "nothing").stderr

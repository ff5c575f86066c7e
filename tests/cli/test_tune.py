"""`recspace tune`: forms are measured in turns, the choice is a file, and a run takes it."""

import json

import pytest

from recspace.cli import main
from recspace.runtime.data.synth import Plan, write
from recspace.runtime.tuning import quickest

SPACE = """
space Pairs "Products of all pairs"
let e[f in fields] = embed(f, 4)
choose keep[i < j in fields] from {off, on}
predict  sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields))
minimize logloss
search { relax(as = sigmoid, epochs = 1) derive() retrain(epochs = 1) }
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    write(Plan(fields=5, cardinality=8, rows=600, groups=1, decoys=0, seed=2), folder / "t.parquet")
    (folder / "pairs.space").write_text(SPACE)
    return folder


def told(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_form_is_measured_and_the_choice_kept(files, tmp_path, capsys):
    kept = tmp_path / "tuned.json"
    arguments = ("tune", files / "pairs.space", "--data", files / "t.parquet", "--seconds", "0.1", "-o", kept, "--json")
    code, out, _ = told(capsys, *arguments)
    found = json.loads(out)
    assert code == 0
    assert json.loads(kept.read_text()) == {name: found[name] for name in ("without", "tile")}
    first, *others = found["measured"]
    assert first["without"] == []
    assert first["ratio"] == 1
    assert ["batch"] in [line["without"] for line in others]
    assert all(line["ms"] > 0 and line["quartiles"][0] <= line["ratio"] <= line["quartiles"][1] for line in others)
    code, _, err = told(capsys, *arguments)
    assert code == 1
    assert "S0821" in err + _


def test_a_run_takes_what_was_tuned_and_remembers_it(files, tmp_path, capsys):
    kept, folder = tmp_path / "tuned.json", tmp_path / "run"
    kept.write_text('{"without": ["batch"], "tile": 16}')
    code, _, err = told(
        capsys, "run", files / "pairs.space", "--data", files / "t.parquet", "--tuned", kept, "-o", folder
    )
    assert code == 0, err
    remembered = json.loads((folder / "run.json").read_text())
    assert remembered["settings"]["tile"] == 16
    assert remembered["bound"]["asked"]["without"] == ["batch"]
    assert not any("gram(" in module.read_text() for module in folder.glob("*.py"))


@pytest.mark.parametrize(
    "text", ["[]", "nonsense", '{"without": ["relax"], "tile": 0}', '{"without": [], "tile": true}', '{"tile": 1}', "[" * 9999]
)  # fmt: skip
def test_other_files_are_refused(files, tmp_path, capsys, text):
    (tmp_path / "tuned.json").write_text(text)
    code, out, err = told(
        capsys, "run", files / "pairs.space", "--data", files / "t.parquet", "--tuned", tmp_path / "tuned.json"
    )
    assert code == 1
    assert "S0820" in out + err


def test_a_recipe_without_a_supernet_and_a_space_without_data_are_refused(files, capsys):
    sampled = ("--strategy", "random(trials = 2) retrain()")
    code, out, err = told(capsys, "tune", files / "pairs.space", "--data", files / "t.parquet", *sampled)
    assert (code, "S0822" in out + err) == (1, True)
    code, out, err = told(capsys, "tune", files / "pairs.space")
    assert (code, "S0545" in out + err) == (1, True)


def test_only_what_is_surely_quicker_is_chosen():
    usual = [1.0, 1.1, 0.9, 1.0, 1.2, 1.0, 0.8, 1.0]
    assert quickest([(u, 0.7 * u, 0.5 * u) for u in usual]) == 2
    assert quickest([(u, 0.97 * u) for u in usual]) == 0, "a twentieth is not worth another form"
    assert quickest([(u, v) for u, v in zip(usual, [0.5, 0.5, 0.5, 0.5, 1.9, 1.6, 1.7, 1.8], strict=True)]) == 0

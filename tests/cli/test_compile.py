"""`recspace compile`: the text of a module, what a pass does, and passes that are left out."""

import json

import pytest
import torch

import recspace
from recspace.cli import main
from recspace.compiler.lower import SWITCHES
from recspace.runtime.data import synth

RECIPE = "relax(as = gate, epochs = 1) derive(top = 3) retrain(epochs = 1)"
SPACE = f"""space Pairs
let e[f in fields] = embed(f, 3)
choose keep[i < j in fields] from {{off, on}}
choose open[i, j in fields] from {{off, on}}
let h[i in fields] = mean(e[j] for j in fields if open[i, j])
let triples = sum(sum(product(e[f] for f in s) for s in subsets(fields, 3)))
predict  sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields) + sum(dot(h[i], e[i]) for i in fields) + triples)
minimize logloss
search {{ {RECIPE} }}
"""
FORMS = {"algebra": "symmetric_sums(", "batch": "gram(", "mix": "mixed("}


@pytest.fixture
def files(tmp_path):
    synth.write(synth.Plan(fields=5, cardinality=4, rows=400, groups=1, decoys=0, seed=2), tmp_path / "t.parquet")
    (tmp_path / "pairs.space").write_text(SPACE)
    return tmp_path / "pairs.space", tmp_path / "t.parquet"


@pytest.fixture
def said(capsys):
    """What a command prints, where it goes well."""

    def call(*arguments):
        assert main(["compile", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    return call


def test_the_module_as_text(files, said):
    file, table = files
    text = said(file, "--data", table)
    assert "class Pairs(nn.Module):" in text
    assert json.loads(said(file, "--data", table, "--json"))["module"] == text
    for name, form in FORMS.items():
        assert form in text
        assert form not in said(file, "--data", table, "--without", name)


def test_what_a_pass_does(files, said):
    file, _ = files
    before, after = said(file, "--show", "batch").split("# after batch\n")
    assert "= dot(" in before
    assert "= gram(" in after
    assert "# fold, run 2 of 2" in said(file, "--show", "fold")
    (once,) = json.loads(said(file, "--show", "mix", "--json"))["runs"]
    assert " as a matrix" in once["after"]
    assert " as a matrix" not in once["before"]
    assert said(file, "--show", "mix", "--without", "mix") == ""


def test_names_of_passes(files, capsys):
    file, _ = files
    for arguments in (["--without", "bach"], ["--show", "bach"], ["--without", "relax"]):
        with pytest.raises(SystemExit) as left:
            main(["compile", str(file), *arguments])
        assert left.value.code == 2
        assert "is no pass" in capsys.readouterr().err
    with pytest.raises(ValueError, match="'bach' is no pass that can be left out"):
        recspace.compile(file, without=["bach"])


@pytest.mark.parametrize("left_out", SWITCHES)
def test_without_a_pass_a_module_computes_the_same(files, left_out):
    from recspace.runtime.module import build, initialise

    found = []
    for without in ((), (left_out,)):
        compiled = recspace.compile(*files, without=without).compiled()
        model = build(compiled, torch.device("cpu"))
        initialise(model, 3)
        with torch.no_grad():
            for tensor in model.tensors.values():
                tensor.mul_(3000)  # embeddings start near 0
        generator = torch.Generator().manual_seed(1)
        batch = {c.key: torch.randint(0, 5, (20,), generator=generator) for c in compiled.columns if c.what == "id"}
        choices = {d.name: torch.rand(d.elements, generator=generator) for d in compiled.decisions}
        found.append(model.module(batch, choices))
    assert found[0].std() > 0.01
    torch.testing.assert_close(found[1], found[0])


def test_a_run_remembers_what_was_left_out(files, tmp_path):
    file, table = files
    arguments = ["run", file, "--data", table, "-o", tmp_path / "run", "--without", "batch"]
    assert main(list(map(str, arguments))) == 0
    assert '"without": [ "batch" ]' in " ".join((tmp_path / "run" / "run.json").read_text().split())
    modules = [m.read_text() for m in (tmp_path / "run").glob("*.py")]
    assert any("dot(" in text for text in modules)
    assert not any("gram(" in text for text in modules)
    assert recspace.Run(tmp_path / "run").model() is not None  # compiled again, and weights fit

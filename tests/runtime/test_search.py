"""A search from the recipe to the report, on a planted truth."""

import json
from dataclasses import replace

import by_hand
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from recspace.chosen import lines
from recspace.compiler.decisions import Decision, Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import metrics
from recspace.runtime.choices import drawn
from recspace.runtime.module import build
from recspace.runtime.planted import Truth, findings
from recspace.runtime.report import write_architecture
from recspace.runtime.run import search
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found, architecture_from, architecture_json

FIS = """relax(as = gate, initial = 0.6, optimizer = grda(c = auto, mu = 0.8), epochs = 12, batch_size = 64,
 weights = adam(lr = 0.02)) derive(by = magnitude, threshold = 0)
 retrain(epochs = 15, gates = fixed, batch_size = 64, optimizer = adam(lr = 0.02))"""
DIM = """relax(as = gumbel, temperature = 1 -> 0.1, bilevel = first_order, epochs = 3, batch_size = 64)
 derive() retrain(epochs = 3)"""
ENCODED = by_hand.rows(4000)


class Heard:
    def __init__(self):
        self.lines = []

    def begin(self, stage, steps):
        self.lines.append(("begin", stage, steps))

    def advance(self, at, figures):
        self.last = at

    def end(self, stage, figures):
        self.lines.append(("end", stage, self.last))

    def say(self, text):
        self.lines.append(("say", text, 0))


@pytest.fixture(scope="module")
def fis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fis") / "run"
    heard = Heard()
    result = search(by_hand.inputs(FIS, encoded=ENCODED), Settings(seed=1), folder, heard)
    return result, heard


def test_a_planted_truth_is_found(fis):
    elements = json.loads((fis[0].folder / "architecture.json").read_text())["decisions"][0]["elements"]
    ranked = sorted(elements, key=lambda e: -abs(e["weight"]))
    assert {e["name"] for e in ranked[:2]} == {"keep[f0,f1]", "keep[f2,f3]"}
    assert all(e["value"] == ("on" if e["weight"] else "off") for e in elements)
    assert 2 <= sum(e["value"] == "on" for e in elements) < 6


def test_nothing_is_found_where_nothing_is(tmp_path):
    label = ENCODED.dense[":label"]
    shuffled = label[torch.randperm(len(label), generator=torch.Generator().manual_seed(0))]
    encoded = type(ENCODED)(**{n: getattr(ENCODED, n) for n in ENCODED.__slots__} | {"dense": {":label": shuffled}})
    report = search(by_hand.inputs(FIS, encoded=encoded), Settings(seed=1), tmp_path / "run").report
    assert abs(report["searched"]["test"]["auc"] - 0.5) < 0.06


def test_what_a_run_leaves(fis):
    folder = fis[0].folder
    names = {p.name for p in folder.iterdir()}
    assert names == {
        "architecture.json", "baseline.py", "baseline.safetensors", "checkpoints", "events.jsonl", "lock", "model.py",
        "model.safetensors", "report.json", "run.json", "supernet.py", "supernet.safetensors",
    }  # fmt: skip
    kept = json.loads((folder / "run.json").read_text())
    assert kept["bound"] == {"text": FIS}
    assert Settings.from_json(kept["settings"]) == Settings(seed=1)


def test_progress_is_told(fis):
    stages = ["baseline", "0.relax", "1.derive", "2.retrain"]
    assert [line[1] for line in fis[1].lines] == [s for s in stages for _ in range(2)]
    steps = {line[1]: line[2] for line in fis[1].lines if line[0] == "begin"}
    done = {line[1]: line[2] for line in fis[1].lines if line[0] == "end"}
    assert done["0.relax"] == steps["0.relax"]
    assert all(done[s] <= steps[s] for s in stages)


def test_the_figures_are_those_of_the_files(fis):
    """The weights on the disk, put into the module, give the report's figures."""
    folder, report = fis[0].folder, fis[0].report
    architecture = architecture_from(
        {
            "keep": [
                int(e["value"] == "on")
                for e in json.loads((folder / "architecture.json").read_text())["decisions"][0]["elements"]
            ]
        }
    )
    tensors = load_file(folder / "model.safetensors")
    choices = {"keep": tensors.pop("choices:keep")}
    model = build(by_hand.fis(architecture, frozenset({"keep"})), torch.device("cpu"))
    model.load(tensors)
    rows = torch.from_numpy(ENCODED.rows("test"))
    batch = ENCODED.batch(rows)
    with torch.no_grad():
        prediction = model.module.eval()(batch, choices, {}).numpy()
    label = ENCODED.labels("test")
    test = report["searched"]["test"]
    assert test["auc"] == pytest.approx(metrics.auc(label, prediction))
    assert test["logloss"] == pytest.approx(metrics.logloss(label, prediction))
    assert test["gauc"] == pytest.approx(metrics.grouped_auc(label, prediction, batch["f0"].numpy()))
    assert report["rows"]["test"] == len(label)
    assert (folder / "model.py").read_text() == model.compiled.source


def test_sizes_are_measured_in_the_files(fis):
    folder, report = fis[0].folder, fis[0].report
    for name, row in (("baseline", report["hand_made"]), ("model", report["searched"])):
        with safe_open(folder / f"{name}.safetensors", "pt") as file:
            tensors = {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118 – a file is no mapping
        trained = [t.numel() for n, t in tensors.items() if n not in ("mean", "variance")]
        assert row["parameters"] == sum(trained)
        assert row["embedding_bytes"] == 4 * (tensors["table"].numel() + tensors["first"].numel())
        assert row["file_bytes"] == (folder / f"{name}.safetensors").stat().st_size


def test_the_gap_from_search_to_retrained(fis):
    report = fis[0].report
    relaxed = next(s for s in report["stages"] if s["stage"] == "0.relax")
    assert report["gap"] == pytest.approx(report["searched"]["test"]["auc"] - relaxed["test"]["auc"])


def test_a_seed_fixes_every_bit(fis, tmp_path):
    one = search(by_hand.inputs(FIS, encoded=ENCODED), Settings(seed=1), tmp_path / "one")
    other = search(by_hand.inputs(FIS, encoded=ENCODED), Settings(seed=2), tmp_path / "other")
    same = [(r.folder / "model.safetensors").read_bytes() for r in (fis[0], one, other)]
    assert same[0] == same[1] != same[2]


def test_widths_by_bilevel_search(tmp_path):
    result = search(by_hand.inputs(DIM, by_hand.dim, ENCODED), Settings(), tmp_path / "run")
    elements = json.loads((result.folder / "architecture.json").read_text())["decisions"][0]["elements"]
    assert [e["name"] for e in elements] == [f"dim[f{i}]" for i in range(4)]
    for element in elements:
        assert element["value"] == (2, 4)[int(np.argmax(element["weight"]))]
        assert sum(element["weight"]) == pytest.approx(1)
    assert result.report["searched"]["parameters"] <= result.report["hand_made"]["parameters"]


def test_without_anything_to_choose_there_is_one_model(tmp_path):
    def plain(architecture, keep=frozenset()):
        return by_hand.fis({"keep": (1,) * 6})

    report = search(
        by_hand.inputs("train(epochs = 3, batch_size = 64)", plain, ENCODED), Settings(), tmp_path / "run"
    ).report
    assert report["hand_made"] is None
    assert [s["stage"] for s in report["stages"]] == ["0.train"]
    assert report["searched"]["test"]["auc"] > 0.5
    assert report["gap"] is None


def test_a_recipe_that_ends_with_derive_inherits(tmp_path):
    text = "relax(as = gate, epochs = 8, batch_size = 64, weights = adam(lr = 0.02)) derive(soft = true)"
    report = search(by_hand.inputs(text, encoded=ENCODED), Settings(), tmp_path / "run").report
    assert report["searched"]["trained"] is False
    relaxed = next(s for s in report["stages"] if s["stage"] == "0.relax")
    # Gates keep their weights and none is dropped, so it is the supernet.
    assert report["searched"]["test"] == pytest.approx(relaxed["test"])


def test_fixes_hold_in_the_hand_made_model_too(fis, tmp_path):
    settings = Settings(fix=("keep[f0,f1]=off", "keep[f2,f3]=off"))
    text = "relax(as = gate, epochs = 1) derive() retrain(epochs = 6, batch_size = 64, optimizer = adam(lr = 0.02))"
    report = search(by_hand.inputs(text, encoded=ENCODED), settings, tmp_path / "run").report
    # Without its two pairs the label can be told from single fields only.
    free = fis[0].report["hand_made"]["test"]["auc"]
    assert report["hand_made"]["test"]["auc"] < free - 0.05
    assert report["searched"]["test"]["auc"] < free - 0.05


def test_diverging_fails_the_run_and_says_so(tmp_path):
    def broken(architecture, keep=frozenset()):
        compiled = by_hand.fis(architecture, keep)
        return replace(compiled, source=compiled.source.replace("return p_B, (", "return p_B, (p_B.sum() / 0, "))

    with pytest.raises(SpaceError, match=r"S0707.*loss of step 0 of baseline is not finite"):
        search(by_hand.inputs("relax(as = gate)", broken, ENCODED), Settings(), tmp_path / "run")
    events = [json.loads(line)["event"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert events == ["started", "stage", "failed"]


def test_what_cannot_run_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(SpaceError, match="S0770"):
        search(
            by_hand.inputs("relax(as = gate) evolution(guide = estimator, mutants = 1)", encoded=ENCODED),
            Settings(),
            tmp_path / "run",
        )
    with pytest.raises(SpaceError, match="S0605"):
        search(by_hand.inputs("relax(as = gate)", by_hand.dim, ENCODED), Settings(), tmp_path / "other")
    assert not (tmp_path / "run" / "run.json").exists()


LAYERS = tuple((k, i, j) for k in (2, 3) for i in "abc" for j in "abc")


def layers(tmp_path, on):
    """architecture.json of three layers of a graph over the fields a, b, c, with the edges `on` and their weights."""
    gates = Decision("g", ("k in 2..3", "i, j in fields"), len(LAYERS), LAYERS, (Domain("gate", ("off", "on")),))
    found = Found(
        architecture={"g": tuple(int(k in on) for k in LAYERS)},
        weighing={"g": torch.tensor([on.get(k, 0.1) for k in LAYERS])},
    )
    write_architecture(tmp_path, (gates,), found, fields=frozenset("abc"))
    return json.loads((tmp_path / "architecture.json").read_text())


def test_interactions_along_layers_are_listed_and_held_to_the_truth(tmp_path):
    found = layers(tmp_path, {(2, "a", "b"): 0.5, (3, "a", "c"): 0.8, (2, "c", "b"): 0.9, (3, "c", "c"): 0.7})
    (entry,) = found["decisions"]
    listed = [(i["name"], round(i["weight"], 6)) for i in entry["interactions"]]
    assert listed == [("c × b", 0.9), ("a × b", 0.5), ("a × b × c", 0.4)]
    truth = Truth((frozenset("ab"), frozenset("ac"), frozenset("abcd")))
    (finding,) = findings(truth, found, tmp_path)
    assert (finding.planted, finding.found, finding.taken, finding.ranked) == (2, 1, 2, 1)
    assert str(finding) == "g found 1 of 2, among 2 that it took; the 2 heaviest hold 1"
    assert lines(found)[1] == "g stands for 3 interactions: c × b, a × b, a × b × c"
    (nothing,) = findings(Truth((frozenset("abc"),)), layers(tmp_path, {(3, "a", "c"): 0.8}), tmp_path)
    assert (nothing.planted, nothing.found, nothing.taken) == (1, 0, 0)


def test_edges_that_examples_decide_are_listed_and_held_to_the_truth(tmp_path):
    """On is what is on in more than half of the examples; a field with itself is no interaction."""
    keys = (("a", "a"), ("a", "b"), ("a", "c"), ("b", "c"))
    gates = Decision("g", ("i <= j in fields",), 4, keys, (Domain("gate", ("off", "on")),), given="example")
    found = Found(architecture={}, weighing={"g": torch.tensor([1.0, 0.75, 0.5, 0.875])})
    write_architecture(tmp_path, (gates,), found, fields=frozenset("abc"))
    architecture = json.loads((tmp_path / "architecture.json").read_text())
    (entry,) = architecture["decisions"]
    assert [(i["name"], i["weight"]) for i in entry["interactions"]] == [("b × c", 0.875), ("a × b", 0.75)]
    (finding,) = findings(Truth((frozenset("ab"), frozenset("ac"))), architecture, tmp_path)
    assert (finding.planted, finding.found, finding.taken, finding.of, finding.ranked) == (2, 1, 2, 3, 1)


def test_large_decisions_lie_beside_the_json(tmp_path):
    gates = Decision("g", ("v in values(f)",), 10_001, None, (Domain("gate", ("off", "on")),), per_value="f")
    sets = Decision("s", (), 1, ((),), (Domain("subset", ("a", "b", "c"), 0, 2),))
    rate = Decision("r", (), 1, ((),), (Domain("real", low=0.1, high=1.0, log=True),))
    architecture = drawn((gates, sets, rate), 0)
    assert architecture_from(json.loads(json.dumps(architecture_json(architecture)))) == architecture
    weights = torch.rand(10_001)
    write_architecture(tmp_path, (gates, sets, rate), Found(architecture=architecture, weighing={"g": weights}))
    found = json.loads((tmp_path / "architecture.json").read_text())["decisions"]
    stored = {"kind": "gate", "stored": "architecture.safetensors", "on": sum(architecture["g"]), "rows": []}
    assert found[0] == {"name": "g", "axes": ["v in values(f)"], "count": 10_001, **stored}
    chosen = {"value": ["abc"[p] for p in architecture["s"][0]], "weight": None}
    assert found[1]["elements"] == [{"name": "s", "key": [], "active": True, **chosen}]
    assert found[2]["elements"][0]["value"] == architecture["r"][0]
    stored = load_file(tmp_path / "architecture.safetensors")
    assert stored["g:value"].tolist() == list(architecture["g"])
    assert torch.equal(stored["g:weight"], weights)

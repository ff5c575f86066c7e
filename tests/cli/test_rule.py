"""RULE: one table trained once, and a model out of it for each budget."""

import pytest
from interrupted import essence, interruptions
from safetensors import safe_open

import recspace
from recspace.dsl import SpaceError
from recspace.running import start as begin
from recspace.runtime.report import read_architecture
from recspace.runtime.settings import Settings

from .calling import call

STRATEGY = """one_shot(sharing = nested, epochs = 1, samples = 2, batch_size = 512)
 evolution(evaluate = inherited, guide = estimator, mutants = 2, population = 3, trials = 12,
 budgets = [8%, 30%, 90%], of = parameters(q))"""
SETTINGS = {"width": 8, "groups": 3, "blocks": 4}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    table = tmp_path_factory.mktemp("data") / "chosen.parquet"
    synth = ("--implicit", "--users", "60", "--items", "40", "--rows", "900", "--seed", "2")
    assert call("data", "synth", "-o", table, *synth).returncode == 0
    return recspace.compile("rule", table, set=SETTINGS)


@pytest.fixture(scope="module")
def run(space, tmp_path_factory):
    return recspace.search(space, tmp_path_factory.mktemp("rule") / "run", strategy=STRATEGY)


def test_every_budget_has_a_model_of_the_one_table(space, run):
    rows = run.report["budgets"]
    assert [row["budget"] for row in rows] == ["8%", "30%", "90%"]
    assert [s["stage"] for s in run.report["stages"]] == ["baseline", "0.one_shot", "1.evolution"]
    users = 61 * 8
    for row in rows:
        (bound,) = row["costs"]
        assert bound["cost"] <= bound["allowed"]
        architecture, _ = read_architecture(run.folder / row["folder"], space.decisions)
        with safe_open(run.folder / row["folder"] / "model.safetensors", "np") as file:
            tensors = [file.get_tensor(name) for name in sorted(file.keys())]
        stored = sum(tensor.size for tensor in tensors if tensor.dtype.kind == "f")
        kept = sum(sum(architecture["keep"][k::4]) > 0 for k in range(4))
        assert bound["cost"] <= stored - users <= bound["cost"] + 2 * kept  # beside it, rows of the unknown value
    sizes = [row["embedding_bytes"] for row in rows]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_run_that_was_cut_off_ends_with_the_same_bits(space, run, tmp_path):
    again = tmp_path / "run"
    settings = Settings(checkpoint_steps=3, strategy=STRATEGY)
    start = lambda stop: begin(space, settings, again, stop)  # noqa: E731
    resume = lambda stop: recspace.Run(again).resume(progress=stop)  # noqa: E731
    assert interruptions(start, resume, 9) > 1
    for name in (".", "budgets/8%", "budgets/90%"):
        assert essence(again / name)[0] == essence(run.folder / name)[0]


def test_a_guide_needs_several_children(space, tmp_path):
    with pytest.raises(SpaceError, match="S0770"):
        recspace.search(space, tmp_path / "run", strategy=STRATEGY.replace("mutants = 2", "mutants = 1"))

"""Masks by chance, the control of what a search is worth, and budgets of memory that count indices."""

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file

import recspace
from recspace.cli.outcome import text as outcome
from recspace.dsl import SpaceError
from recspace.runtime.report import read_architecture

USERS, ITEMS, WIDTH = 40, 30, 16
ADAM = "batch_size = 256, optimizer = adam(lr = 0.02)"
SPACE = """
import "lib/parts.space"

space Masked "Numbers or columns, under a bound"

param width = 16
choose keep[f in fields, {of}k in 1..width] from {{off, on}}
let e[f in fields] = embed(f, width) * keep[f, {at}:]

predict  sigmoid(bias() + fm(e))
minimize logloss
require  memory(e) <= {bound}
"""
FORMS = {"numbers": ("v in values(f), ", "value(f), "), "columns": ("", "")}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(3)
    users, items = rng.integers(0, USERS, 2000), rng.integers(0, ITEMS, 2000)
    label = (rng.random(2000) < np.where((users + items) % 2, 0.8, 0.2)).astype(int)
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    names = {"user": [f"u{u:02}" for u in users], "item": [f"i{i:02}" for i in items], "label": label}
    pl.DataFrame(names).write_parquet(path)
    return path


def run(table, folder, form, recipe, *, bound="40%", seed=1, baseline=True):
    of, at = FORMS[form]
    folder.mkdir(exist_ok=True)
    file = folder / "masked.space"
    file.write_text(SPACE.format(of=of, at=at, bound=bound))
    return recspace.search(recspace.compile(file, table), folder / "run", strategy=recipe, seed=seed, baseline=baseline)


def stored(found):
    """Bytes of the tables and of what says where their numbers belong."""
    tensors = load_file(found.folder / "model.safetensors")
    return sum(t.nbytes for n, t in tensors.items() if n.startswith(("embed_", "kept_")))


def gates(found, table):
    space = recspace.compile(found.folder.parent / "masked.space", table)
    options = read_architecture(found.folder, space.decisions)[0]["keep"]
    return np.array(list(options), dtype=int)


@pytest.mark.parametrize("form", FORMS)
def test_chance_opens_as_many_gates_as_a_search_within_the_same_bytes(table, tmp_path, form):
    searching = {
        "numbers": f"relax(as = soft_threshold, granularity = both, initial = -6, epochs = 2, batch_size = 256, "
                   f"weights = adam(lr = 0.02)) derive() retrain(epochs = 1, {ADAM})",
        "columns": f"warmup(epochs = 2, {ADAM}) salience(batches = all) derive() retrain(epochs = 1, {ADAM})",
    }  # fmt: skip
    searched = run(table, tmp_path / "searched", form, searching[form])
    drawn = run(table, tmp_path / "drawn", form, f"derive(by = chance) retrain(epochs = 1, {ADAM})")
    whole = 4 * WIDTH * (USERS + ITEMS)
    unknown = 4 * 2 * WIDTH  # rows that are no values', and are not counted
    ours, theirs = gates(searched, table), gates(drawn, table)
    if form == "numbers":  # five bytes each, and where each row starts
        rows = 4 * (USERS + 1) + 4 * (ITEMS + 1)
        assert theirs.sum() == ours.sum() == (int(0.4 * whole) - rows) // 5
    assert (ours != theirs).any()
    for found in (searched, drawn):
        (told,) = next(s for s in found.report["stages"] if s["stage"].endswith(".derive"))["budgets"]
        assert 0.9 * told["allowed"] < told["kept"] <= told["allowed"] == int(0.4 * whole)
        assert stored(found) <= told["allowed"] + unknown


def test_a_bound_that_most_gates_fit_is_used_up_by_chance_too(table, tmp_path):
    found = run(table, tmp_path / "a", "columns", f"derive(by = chance) retrain(epochs = 1, {ADAM})", bound="80%")
    (told,) = next(s for s in found.report["stages"] if s["stage"].endswith(".derive"))["budgets"]
    assert 0.9 * told["allowed"] < told["kept"] <= told["allowed"]


def test_a_seed_draws_the_same_and_another_seed_something_else(table, tmp_path):
    recipe = f"derive(by = chance) retrain(epochs = 1, {ADAM})"
    found = [gates(run(table, tmp_path / str(k), "numbers", recipe, seed=s), table) for k, s in enumerate((1, 1, 2))]
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_a_share_is_kept_by_chance_without_a_bound(table, tmp_path):
    recipe = f"derive(by = chance, keep = 25%) retrain(epochs = 1, {ADAM})"
    found = run(table, tmp_path / "a", "columns", recipe, bound="100%", baseline=False)
    assert gates(found, table).sum() == 2 * WIDTH // 4


def test_a_run_without_a_baseline_has_the_same_model(table, tmp_path):
    recipe = f"derive(by = chance) retrain(epochs = 1, {ADAM})"
    both, alone = (run(table, tmp_path / str(b), "columns", recipe, baseline=b) for b in (True, False))
    assert both.report["hand_made"]["test"]
    assert alone.report["hand_made"] is None
    assert [s["stage"] for s in alone.report["stages"]] == ["0.derive", "1.retrain"]
    assert both.report["searched"]["test"] == alone.report["searched"]["test"]
    assert "AUC" in outcome(alone.report, alone.architecture)


@pytest.mark.parametrize("option", ["soft = true", "prune = e", "threshold = 0.1"])
def test_what_only_a_search_can_have_weighed_is_refused(table, tmp_path, option):
    with pytest.raises(SpaceError) as refused:
        run(table, tmp_path / "a", "columns", f"warmup(epochs = 1) derive(by = chance, {option}) retrain(epochs = 1)")
    assert [d.code for d in refused.value.diagnostics] == ["S0760"]
    assert not (tmp_path / "a" / "run" / "run.json").exists()

"""IncCTR and AutoEmb from a table to the files of a run: streams in time order."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from interrupted import essence, interruptions
from safetensors.torch import load_file

import recspace
from recspace.dsl import SpaceError
from recspace.running import start as begin
from recspace.runtime.settings import Settings

BLOCK = """data log {{
  source: "{source}"
  label: {label}
  user: category(role = user)
  item: category(role = item)
  time: seen
  split: time(seen, 0.7, 0.1, 0.2)
}}
"""
INCCTR = "stream(train(batch_size = 128, optimizer = adam(lr = 0.01)), window = day, new_values = mean, distill = 0.1)"
AUTOEMB = "stream(relax(as = softmax, bilevel = first_order, lag = 1, batch_size = 128, weights = adam(lr = 0.01)))"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Ten days; users and items join as time goes by."""
    rng = np.random.default_rng(7)
    days = np.repeat(np.arange(10), 300)
    users, items = rng.integers(0, 10 + 4 * days), rng.zipf(1.4, 3000) % 30
    taste, kind = rng.normal(size=60), rng.normal(size=30)
    logit = 2 * (taste[users] + kind[items])
    rating = np.clip(np.round(3 + logit / 2), 1, 5)
    path = tmp_path_factory.mktemp("data") / "log.parquet"
    order = rng.permutation(3000)
    frame = pl.DataFrame(
        {"user": [f"u{u}" for u in users], "item": [f"i{i}" for i in items], "rating": rating,
         "click": (rng.random(3000) < 1 / (1 + np.exp(-logit))).astype(int), "seen": days * 86400.0 + rng.random(3000) * 86000}
    )[order]  # fmt: skip
    frame.write_parquet(path)
    return path


def space_of(table, name, label):
    block = table.parent / f"{label}.space"
    block.write_text(BLOCK.format(source=table, label=label))
    return recspace.compile(name, block, set={"width": 4} if name == "incctr" else {"widths": "{2, 4, 8}"})


@pytest.fixture(scope="module")
def incctr(table, tmp_path_factory):
    return recspace.search(
        space_of(table, "incctr", "click"), tmp_path_factory.mktemp("incctr") / "run", strategy=INCCTR, seed=1
    )


@pytest.fixture(scope="module")
def autoemb(table, tmp_path_factory):
    return recspace.search(
        space_of(table, "autoemb", "rating"), tmp_path_factory.mktemp("autoemb") / "run", strategy=AUTOEMB, seed=1
    )


def stage_of(run, name="0.stream"):
    return next(row for row in run.report["stages"] if row["stage"] == name)


def test_a_stream_is_judged_by_what_it_said_before_it_learned(incctr):
    told = stage_of(incctr)
    assert told["windows"] == told["windows_done"] == 7
    assert len(told["by_window"]) == 6
    assert told["before_learning"]["auc"] > 0.6
    assert incctr.report["searched"]["test"]["auc"] > 0.7


def test_a_user_who_is_new_has_the_mean_of_the_others(incctr):
    """And not a vector that nothing has trained."""
    state = load_file(incctr.folder / "model.safetensors")
    tables = [t for n, t in state.items() if n.startswith("embed")]
    assert tables
    assert all(t[0].abs().max() > 1e-3 for t in tables)


def test_widths_follow_popularity_and_stored_is_what_was_chosen(autoemb, table):
    decided = {d["name"]: [e["value"] for e in d["elements"]] for d in autoemb.architecture["decisions"]}
    space = space_of(table, "autoemb", "rating")
    state = load_file(autoemb.folder / "model.safetensors")
    stored = sum(t.numel() for n, t in state.items() if "embed" in n and t.is_floating_point())
    smallest = 2 * 2  # the unknown value of both fields
    assert stored == sum(map(sum, decided.values())) + smallest
    assert {n: len(v) for n, v in decided.items()} == {
        "user_width": space.schema.field("user").cardinality, "item_width": space.schema.field("item").cardinality,
    }  # fmt: skip


def test_what_was_decided_and_how_often_values_were_seen_is_remembered(autoemb, table):
    supernet = load_file(autoemb.folder / "supernet.safetensors")
    space = space_of(table, "autoemb", "rating")
    counts = space.schema.statistics.counts("user")
    held = next(t for n, t in supernet.items() if n == "counts")
    assert (
        held[1 : len(counts) + 1].tolist() == counts.tolist()
        or held.sum() == counts.sum() + space.schema.statistics.counts("item").sum()
    )
    current = supernet["current_user_width"]
    torch.testing.assert_close(current.sum(1), torch.ones(len(current)))
    assert (current - 1 / 3).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["incctr", "autoemb"])
def test_it_goes_on_to_the_same_bits(name, table, tmp_path, request):
    run = request.getfixturevalue(name)
    label, recipe = ("click", INCCTR) if name == "incctr" else ("rating", AUTOEMB)
    settings = Settings(
        seed=1, set=("width=4",) if name == "incctr" else ("widths={2, 4, 8}",), strategy=recipe, checkpoint_steps=4
    )
    count = interruptions(
        lambda stop: begin(space_of(table, name, label), settings, tmp_path / "run", progress=stop),
        lambda stop: recspace.Run(tmp_path / "run").resume(progress=stop),
        11,
    )
    assert count >= 1
    assert essence(tmp_path / "run")[0] == essence(run.folder)[0]


def test_a_table_without_a_time_has_no_stream(table, tmp_path):
    space = recspace.compile("incctr", table, label="click")
    with pytest.raises(SpaceError, match="S0653"):
        recspace.search(space, tmp_path / "run", strategy=INCCTR)
    assert not (tmp_path / "run" / "report.json").exists()


def test_a_row_without_a_time_is_reported(table, tmp_path):
    frame = pl.read_parquet(table).with_columns(seen=pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("seen"))
    frame.write_parquet(tmp_path / "log.parquet")
    block = tmp_path / "b.space"
    block.write_text(
        BLOCK.format(source=tmp_path / "log.parquet", label="click").replace("split: time(seen, 0.7, 0.1, 0.2)", "")
    )
    with pytest.raises(SpaceError, match="S0421"):
        recspace.compile("incctr", block)


def test_time_says_when_and_may_be_a_column_as_well(tmp_path):
    from recspace.dsl import Source, load
    from recspace.runtime.data.blocks import read_block
    from recspace.runtime.data.render import to_block

    def spec_of(entry):
        program, found = load(Source("x", f"data d {{ user: category() {entry} }}"), tmp_path)
        assert not found
        return read_block(program.file.datas[0])

    assert spec_of("time: seen").time == "seen"
    assert spec_of('time: "when seen"').time == "when seen"
    assert spec_of("split: time(seen, 0.8, 0.1, 0.1)").order == "seen"
    assert spec_of("time: number()").time == ""
    assert [f.name for f in spec_of("time: number()").features] == ["user", "time"]
    again = spec_of("time: seen")
    assert "time: " in to_block(again)
    assert json.dumps(again.columns()) == '["user", "seen"]'

"""A finished model goes on with another table: values and fields join, and nothing that was predicted changes by that."""

import json
import sys
from subprocess import run as execute

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file

import recspace
from recspace.dsl import SpaceError
from recspace.runtime.settings import Settings

TRAIN = "train(epochs = 4, batch_size = 128, optimizer = adam(lr = 0.01), patience = 0)"
SPACES = {
    "plain": 'import "lib/parts.space"\nspace S\nlet e[f in fields] = embed(f, 4)\npredict sigmoid(wide() + fm(e) + deep(e, [8]))\nminimize logloss\n'
    f"search {{ {TRAIN} }}\n",
    "widths": 'import "lib/parts.space"\nspace S\nchoose n[f in fields, v in values(f)] from 1..4\n'
    "let e[f in fields] = embed(f, 4) * [k <= n[f, value(f)] for k in 1..4]\npredict sigmoid(fm(e) + deep(e, [8]))\nminimize logloss\n"
    f"search {{ random(trials = 2, epochs = 1, batch_size = 128) {TRAIN} }}\n",
    "pairs": "space S\nlet e[f in fields] = embed(f, 4)\nchoose keep[i < j in fields] from {off, on}\n"
    "predict sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields) + sum(weight(f) for f in fields))\nminimize logloss\n"
    f"search {{ random(trials = 2, epochs = 1, batch_size = 128) {TRAIN} }}\n",
}


pytestmark = pytest.mark.usefixtures("one_thread")


def table_of(path, users, items, seed, rows=1500, extra=False):
    rng = np.random.default_rng(seed)
    user, item = rng.choice(users, rows), rng.choice(items, rows)
    logit = 2 * np.sin(user * 1.7) + 2 * np.cos(item * 2.3)
    columns = {"user": [f"u{u}" for u in user], "item": [f"i{i}" for i in item]}
    if extra:
        shop = rng.integers(0, 3, rows)
        logit, columns = logit + 2 * (shop - 1), {**columns, "shop": [f"s{s}" for s in shop]}
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    pl.DataFrame({**columns, "label": label}).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    old = table_of(folder / "old.parquet", np.arange(30), np.arange(20), 1)
    new = table_of(folder / "new.parquet", np.arange(20, 50), np.arange(10, 30), 2)
    wide = table_of(folder / "wide.parquet", np.arange(20, 50), np.arange(10, 30), 3, extra=True)
    return old, new, wide


@pytest.fixture(scope="module", params=SPACES)
def base(request, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "s.space").write_text(SPACES[request.param])
    return recspace.search(recspace.compile(folder / "s.space", tables[0]), folder / "run", seed=1)


def untrained(base, table, folder):
    """The extended model before it is trained on."""
    from recspace.running import extension, inputs_of
    from recspace.runtime.extension import join
    from recspace.runtime.module import build, initialise

    space = extension(base.folder, table)
    inputs = inputs_of(space, TRAIN)
    model = build(inputs.factory(inputs.base.architecture), "cpu")
    initialise(model, 0)
    return space, model, join(inputs.base, model)


def answers(space, model, table):
    from recspace.runtime.evaluation import answers as of

    encoded = space.verdict.bound.encode_table(table, model.compiled.columns)
    return of(model, encoded)


def test_nothing_that_was_predicted_changes_before_it_is_trained_on(base, tables, tmp_path):
    """To the bit, also of rows whose values were unknown until now."""
    space, model, new = untrained(base, tables[1], tmp_path)
    assert not new
    for table in tables[:2]:
        before = base.predict(table)
        assert np.array_equal(answers(space, model, table), before)
    assert before.std() > 0.01


def test_values_that_are_new_have_rows_of_their_own_after_the_old_ones(base, tables, tmp_path):
    space, _, _ = untrained(base, tables[1], tmp_path)
    old = recspace.compile(base.folder.parent / "s.space", tables[0]).verdict.bound.encoding.encoders["user"]
    now = space.verdict.bound.encoding.encoders["user"]
    assert now.values[: len(old)].to_list() == old.values.to_list()
    assert {f"u{u}" for u in range(30, 50)} <= set(now.values[len(old) :].to_list())
    assert space.schema.field("user").cardinality == len(now) > len(old)


def test_it_is_trained_on_and_learns_of_the_new(base, tables, tmp_path):
    out = base.extend(tables[1], tmp_path / "more", strategy=TRAIN, seed=1)
    (stage,) = out.report["stages"]
    assert stage["before"]["auc"] < out.report["searched"]["test"]["auc"] - 0.02
    again = base.extend(tables[1], tmp_path / "again", strategy=TRAIN, seed=1)
    one, two = (load_file(r.folder / "model.safetensors") for r in (out, again))
    assert all((one[n] == two[n]).all() for n in one)
    assert len(out.predict(tables[1])) == 1500
    encoded = out.batch(tables[1])
    assert int(encoded["user"].max()) > 30 - 1


def test_a_run_that_was_extended_goes_on_after_it_was_cut_off(base, tables, tmp_path):
    from interrupted import essence, interruptions

    from recspace.running import extension
    from recspace.running import start as begin

    straight = base.extend(tables[1], tmp_path / "straight", strategy=TRAIN, seed=1)
    space = extension(base.folder, tables[1], 1)
    settings = Settings(seed=1, strategy=TRAIN, checkpoint_steps=5, set=space.question.settings)
    count = interruptions(
        lambda stop: begin(extension(base.folder, tables[1], 1), settings, tmp_path / "cut", progress=stop),
        lambda stop: recspace.Run(tmp_path / "cut").resume(progress=stop),
        15,
    )
    assert count >= 1
    assert essence(tmp_path / "cut")[0] == essence(straight.folder)[0]


def test_a_field_that_is_new_joins_without_a_word(base, tables, tmp_path):
    block = tmp_path / "wide.space"
    block.write_text(
        f'data wide {{ source: "{tables[2]}" label: label user: category(role = user) item: category(role = item) shop: category() '
        "split: random(0.8, 0.1, 0.1, seed = 1) }\n"
    )
    space, model, new = untrained(base, block, tmp_path)
    assert new
    before = base.predict(tables[2])
    np.testing.assert_allclose(answers(space, model, tables[2]), before, atol=1e-6)
    out = base.extend(block, tmp_path / "more", strategy=TRAIN, seed=1)
    assert out.report["searched"]["test"]["auc"] > out.report["stages"][0]["before"]["auc"] + 0.02


def test_a_table_that_lacks_a_field_is_refused(base, tables, tmp_path):
    block = tmp_path / "less.space"
    block.write_text(f'data less {{ source: "{tables[1]}" label: label user: category(role = user) }}\n')
    with pytest.raises(SpaceError, match=r"S0422.*`item`"):
        base.extend(block, tmp_path / "more")


@pytest.mark.parametrize("text", ["embed(f, 4, min_count = 2)", "embed(f, 4) * (block(f, 2) <= 1)"])
def test_ids_that_stand_for_frequencies_are_not_added_to(text, tables, tmp_path):
    (tmp_path / "s.space").write_text(
        f"space S\nlet e[f in fields] = {text}\npredict sigmoid(linear(concat(e), 1))\nminimize logloss\nsearch {{ {TRAIN} }}\n"
    )
    run = recspace.search(recspace.compile(tmp_path / "s.space", tables[0]), tmp_path / "run", epochs=1)
    with pytest.raises(SpaceError, match="S0656"):
        run.extend(tables[1], tmp_path / "more")


def test_the_command(tables, tmp_path):
    (tmp_path / "s.space").write_text(SPACES["plain"])
    recspace.search(recspace.compile(tmp_path / "s.space", tables[0]), tmp_path / "run", epochs=1)
    command = [
        sys.executable,
        "-m",
        "recspace",
        "extend",
        str(tmp_path / "run"),
        "--data",
        str(tables[1]),
        "-o",
        str(tmp_path / "more"),
        "--json",
    ]
    done = execute(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (stage,) = json.loads(done.stdout)["report"]["stages"]
    assert 0 < stage["before"]["auc"] < 1

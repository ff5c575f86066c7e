"""Tensors: batches equal the rows they were made of; a saved encoding treats new rows alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from recspace.compiler.schema import Column
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.data.bind import Bound, bind_table
from recspace.runtime.data.encoded import Encoded, encode_table
from recspace.runtime.data.spec import (
    Category,
    DataSpec,
    Feature,
    GroupSplit,
    Many,
    Number,
    RandomSplit,
    Sequence,
    Split,
    Target,
    Vector,
)
from recspace.runtime.data.store import load

ROWS = 400
MEANINGS = {
    "user": Category("user", 2),
    "item": Category("item"),
    "age": Number(bins=5),
    "price": Number(),
    "genres": Many(),
    "history": Sequence("item", 3),
    "text": Vector(2),
}
COLUMNS = (
    *(Column("id", (n,)) for n in ("user", "item", "age", "genres", "history")),
    Column("number", ("price",)),
    Column("number", ("age",)),
    Column("vector", ("text",)),
    Column("bucket", ("price",), (4,)),
    Column("cross", ("user", "item")),
    Column("cross", ("user", "item"), min_count=3),
    Column("cross", ("user", "price"), (0, 4), 2),
    Column("cross", ("user", "item"), rows=7),
    Column("cross", ("user", "item"), min_count=3, rows=7),
    Column("label"),
    Column("weight"),
)


def table(seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    price = [None if p < 0.1 else p for p in rng.random(ROWS)]
    return pl.DataFrame(
        {
            "user": rng.zipf(1.5, ROWS) % 30,
            "item": [f"i{v % 20}" for v in rng.zipf(1.5, ROWS)],
            "age": rng.integers(10, 80, ROWS).astype(float),
            "price": price,
            "genres": [[f"g{g}" for g in rng.integers(0, 5, rng.integers(0, 4))] for _ in range(ROWS)],
            "history": [[f"i{g}" for g in rng.integers(0, 20, rng.integers(0, 6))] for _ in range(ROWS)],
            "text": rng.random((ROWS, 2)).tolist(),
            "label": rng.integers(0, 2, ROWS),
            "w": rng.random(ROWS),
        }
    )


def bound(split: Split | None = None) -> Bound:
    features = tuple(Feature(n, n, m) for n, m in MEANINGS.items())
    spec = DataSpec("d", "", features, Target("label"), split or RandomSplit(seed=1), "w")
    return bind_table(spec, table(), seed=1)


def everything(data: Encoded) -> dict[str, torch.Tensor]:
    return data.batch(torch.arange(data.count))


def test_keys_types_and_shapes() -> None:
    batch = bound().encode(COLUMNS).batch(torch.tensor([5, 3, 5]))
    assert set(batch) == {c.key for c in COLUMNS}
    shapes = {"genres": (3, 3), "history": (3, 3), "text:vector": (3, 2)}
    for column in COLUMNS:
        real = column.what in ("number", "vector", "label", "weight")
        assert batch[column.key].dtype == (torch.float32 if real else torch.int64)
        assert tuple(batch[column.key].shape) == shapes.get(column.key, (3,))
        assert torch.equal(batch[column.key][0], batch[column.key][2])


def test_lists_are_padded_behind() -> None:
    b = bound()
    data = everything(b.encode(COLUMNS))
    ragged = b.rows.lists["genres"]
    for row in range(ROWS):
        ids = ragged.ids[ragged.offsets[row] : ragged.offsets[row + 1]].tolist()
        assert data["genres"][row].tolist() == ids + [-1] * (3 - len(ids))
    words = {f"i{k}": None for k in range(20)} | {
        v: k + 1 for k, v in enumerate(b.encoding.encoders["item"].values.to_list())
    }
    for row, history in enumerate(table()["history"].to_list()):
        assert data["history"][row].tolist()[: len(history[-3:])] == [words[h] or 0 for h in history[-3:]]


def test_numbers_are_standardised_by_training_rows() -> None:
    b = bound()
    price = everything(b.encode(COLUMNS))["price:number"].numpy()
    raw = table()["price"].to_numpy()
    known = ~np.isnan(raw)
    train = (b.part == 0) & known
    assert price[train].mean() == pytest.approx(0, abs=1e-5)
    assert price[train].std() == pytest.approx(1, abs=1e-5)
    assert (price[~known] == 0).all()


def test_crosses_are_combinations_of_training_rows() -> None:
    b = bound()
    data = everything(b.encode(COLUMNS))
    pair = list(zip(data["user"].tolist(), data["item"].tolist(), strict=True))
    train = {p: sum(pair[r] == p for r in np.flatnonzero(b.part == 0)) for p in set(pair)}
    order = sorted((p for p in train if train[p]), key=lambda p: (-train[p], p))
    for min_count in (1, 3):
        ids = data[Column("cross", ("user", "item"), min_count=min_count).key].tolist()
        kept = {p: k + 1 for k, p in enumerate(order) if train[p] >= min_count}
        assert ids == [kept.get(p, 0) for p in pair]
        assert b.schema.statistics.cross_cardinality(("user", "item"), min_count, (0, 0)) == len(kept)
    hashed = data["user*item>=1%7"]
    assert set(hashed.tolist()) <= set(range(1, 8))
    assert len(set(hashed.tolist())) > 3
    rare = data["user*item>=3%7"]
    assert torch.equal(rare == 0, data["user*item>=3"] == 0)
    assert torch.equal(rare[rare > 0], hashed[rare > 0])


def test_buckets_match_the_statistics() -> None:
    b = bound()
    data = everything(b.encode(COLUMNS))
    assert int(data["price/4"].max()) == b.schema.statistics.bucket_cardinality("price", 4) == 5
    cross = data["user*price/4>=2"]
    assert int(cross.max()) == b.schema.statistics.cross_cardinality(("user", "price"), 2, (0, 4))


def test_carving_takes_training_rows_alone() -> None:
    data = bound().encode(COLUMNS)
    train, stop = data.carve(0.25, 3)
    assert sorted([*train, *stop]) == data.rows("train").tolist()
    assert stop.size == round(0.25 * data.rows("train").size)
    assert (data.carve(0.25, 3)[1] == stop).all()
    assert (data.carve(0.25, 4)[1] != stop).any()


def test_carving_keeps_groups_together() -> None:
    data = bound(GroupSplit("user", seed=1)).encode(COLUMNS)
    train, stop = data.carve(0.3, 0)
    group = table()["user"].to_numpy()
    assert stop.size
    assert not set(group[train].tolist()) & set(group[stop].tolist())


def test_labels_of_a_part() -> None:
    data = bound().encode(COLUMNS)
    assert data.labels("test").tolist() == table()["label"].to_numpy()[data.rows("test")].tolist()


def test_a_saved_encoding_gives_the_same(tmp_path: Path) -> None:
    b = bound()
    before = everything(b.encode(COLUMNS))
    b.save(tmp_path, COLUMNS)
    encoding = load(tmp_path)
    assert encoding.spec == b.spec
    assert encoding.fields == b.schema.fields
    after = everything(encode_table(encoding, table(), COLUMNS))
    for key, tensor in before.items():
        assert torch.equal(tensor, after[key]), key


def test_new_rows_of_other_types_and_values(tmp_path: Path) -> None:
    b = bound()
    b.save(tmp_path, COLUMNS)
    new = table().drop("label", "w").head(3).with_columns(
        pl.col("user").cast(pl.String), pl.Series("item", ["i1", "never seen", None])
    )  # fmt: skip
    batch = everything(encode_table(load(tmp_path), new, COLUMNS[:-2]))
    assert batch["user"].tolist() == b.rows.ids["user"][:3].tolist()
    assert batch["item"].tolist()[1:] == [0, 0]
    half = new.with_columns(pl.Series("user", [1.5, 1.0, 2.0]))
    users = everything(encode_table(load(tmp_path), half, COLUMNS[:1]))["user"].tolist()
    assert users[0] == 0
    assert users[1] > 0
    assert ":label" not in batch
    with pytest.raises(SpaceError) as caught:
        encode_table(load(tmp_path), new, [Column("bucket", ("price",), (9,))])
    assert caught.value.diagnostics[0].code == "S0571"


def test_a_saved_cross_knows_its_minimum_count(tmp_path: Path) -> None:
    bound().save(tmp_path, [Column("cross", ("user", "item"), min_count=3)])
    for min_count in (3, 4):
        encode_table(load(tmp_path), table(), [Column("cross", ("user", "item"), min_count=min_count)])
    with pytest.raises(SpaceError) as caught:
        encode_table(load(tmp_path), table(), [Column("cross", ("user", "item"), min_count=2)])
    assert caught.value.diagnostics[0].code == "S0571"


def test_a_damaged_encoding_is_refused(tmp_path: Path) -> None:
    bound().save(tmp_path, COLUMNS)
    text = (tmp_path / "encoding.json").read_text()
    for damage in (text[:-40], text.replace('"version": 1', '"version": 9'), "[]"):
        (tmp_path / "encoding.json").write_text(damage)
        with pytest.raises(SpaceError) as caught:
            load(tmp_path)
        assert caught.value.diagnostics[0].code == "S0570"


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (Column("id", ("price",)), "S0532"),
        (Column("cross", ("user", "genres")), "S0532"),
        (Column("bucket", ("user",), (3,)), "S0531"),
        (Column("number", ("user",)), "S0531"),
    ],
)
def test_columns_that_a_field_does_not_have(column: Column, code: str) -> None:
    with pytest.raises(SpaceError) as caught:
        bound().encode([column])
    assert caught.value.diagnostics[0].code == code

"""Ranking against what is written out in loops: negatives, masks, Recall, NDCG, scores by sides and one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from recspace.compiler.compiled import Ranking
from recspace.compiler.schema import Column
from recspace.runtime import metrics
from recspace.runtime.catalogue import OTHERS, Roles, catalogue
from recspace.runtime.data.bind import bind_table
from recspace.runtime.data.spec import Category, ColumnSplit, DataSpec, Feature, Many, Number, Target
from recspace.runtime.examples import divided
from recspace.runtime.module import Model
from recspace.runtime.negatives import Negatives
from recspace.runtime.ranking import questions, ranked

USERS, ITEMS, ROWS = 12, 9, 160
CROSSES = (
    Column("cross", ("item", "city")),
    Column("cross", ("kind", "city"), rows=5),
    Column("cross", ("item", "kind")),
)
COLUMNS = (
    *(Column("id", (f,)) for f in ("user", "item", "city", "kind", "tags")),
    Column("number", ("price",)),
    *CROSSES,
)
ITEM_FIELDS = frozenset({"item", "kind", "price", "tags"})


def table(seed=0, rows=ROWS):
    """Rows with contexts and properties of items; some test items and users are new."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(0, USERS, rows), rng.integers(0, ITEMS, rows)
    part = rng.choice(["train", "valid", "test"], rows, p=[0.6, 0.2, 0.2])
    part[(item == ITEMS - 1) | (user == USERS - 1)] = "test"
    return pl.DataFrame(
        {
            "user": user, "item": item, "city": rng.integers(0, 3, rows), "kind": item % 3, "price": item * 1.5,
            "tags": [[f"t{i % 2}", f"t{i % 4}"] for i in item], "split": part,
        }
    )  # fmt: skip


def bound(frame, target=None):
    features = {
        "user": Category("user"), "item": Category("item"), "city": Category(), "kind": Category("item"),
        "price": Number(role="item"), "tags": Many(role="item"),
    }  # fmt: skip
    spec = DataSpec("d", "", tuple(Feature(n, n, m) for n, m in features.items()), target, ColumnSplit("split"))
    return bind_table(spec, frame, seed=1)


def examples_of(frame, columns=COLUMNS, stopping=0.2, target=None, top=3):
    made = bound(frame, target)
    encoded = made.encode(columns)
    items = made.schema.field("item").cardinality
    roles = Roles(COLUMNS[0], COLUMNS[1], items, ITEM_FIELDS, lambda c: made.crossings(c, ITEM_FIELDS))
    examples = divided(encoded, "ranking", stopping, 1)
    return replace(examples, catalogue=catalogue(encoded, roles, columns), top=top, seed=3)


@pytest.fixture(scope="module")
def examples():
    return examples_of(table())


# -- what changes with the item ----------------------------------------------------------------------------


def test_another_item_brings_all_that_is_its_own(examples):
    """For rows whose pair of item and context some row has, the replaced columns are those of that row."""
    goods, encoded = examples.catalogue, examples.encoded
    whole = encoded.batch(torch.arange(encoded.count))
    city = whole["city"]
    checked = 0
    for row in range(0, encoded.count, 3):
        for other in range(encoded.count):
            if city[row] == city[other] and goods.item[other] > 0:
                found = goods.pairs(encoded, torch.tensor([row]), goods.item[[other]])
                for key, column in found.items():
                    source = other if key not in ("user", "city") else row
                    assert torch.equal(column[0], whole[key][source]), key
                checked += 1
    assert checked > 200
    assert set(found) == {c.key for c in COLUMNS}
    assert set(goods.own) == {"user", "city"}


# -- negatives ---------------------------------------------------------------------------------------------


FOUR = Ranking(4)


def drawn(examples, ranking=FOUR, stage="0.train", step=0, seed=1):
    return Negatives(examples.catalogue, examples.train, ranking).drawn(examples.train, seed, stage, step)


@pytest.mark.parametrize("sampling", ["uniform", "popularity"])
def test_nobody_is_given_what_they_have(examples, sampling):
    goods = examples.catalogue
    has = {u: {int(goods.item[r]) for r in examples.train if goods.user[r] == u} for u in range(USERS + 1)}
    seen = set()
    for step in range(20):
        items = drawn(examples, Ranking(4, sampling), step=step)
        assert items.shape == (examples.train.numel(), 4)
        for row, alternatives in zip(examples.train, items, strict=True):
            own = has[int(goods.user[row])]
            assert len(own) < goods.items
            assert not own & set(alternatives.tolist())
            seen |= set(alternatives.tolist())
    assert seen == set(range(1, goods.items + 1))


def test_draws_are_a_function_of_seed_stage_and_step(examples):
    first = drawn(examples)
    assert torch.equal(first, drawn(examples))
    for other in ({"seed": 2}, {"stage": "1.train"}, {"step": 1}):
        assert not torch.equal(first, drawn(examples, **other))


def test_who_has_everything_gets_whatever_is_drawn():
    frame = pl.DataFrame(
        {
            "user": [0] * 8 + [1] * 4, "item": [*range(8), 0, 1, 0, 1], "city": [0, 1] * 6,
            "split": ["train"] * 10 + ["valid", "test"],
        }
    )  # fmt: skip
    frame = frame.with_columns(kind=pl.col("item") % 3, price=pl.col("item") * 1.0, tags=pl.lit(["a"]))
    made = examples_of(frame, stopping=0)
    items = drawn(made, Ranking(50))
    goods = made.catalogue
    everything = goods.user[made.train] == 1  # the most frequent user
    assert set(items[everything].flatten().tolist()) == set(range(1, 9))
    rest = items[~everything].flatten()
    assert not set(rest.tolist()) & set(goods.item[made.train][~everything].tolist())


def test_popular_items_are_drawn_more_often():
    count = 200
    frame = pl.DataFrame({"user": range(count + 42), "item": [0] * 160 + [1] * 40 + [0] * 40 + [2, 3]})
    frame = frame.with_columns(
        city=pl.lit(0), kind=pl.col("item"), price=pl.col("item") * 1.0, tags=pl.lit(["a"]),
        split=pl.Series(["train"] * count + ["valid"] * 21 + ["test"] * 21),
    )  # fmt: skip
    made = examples_of(frame.with_columns(user=pl.col("user") % 240), stopping=0)
    negatives = Negatives(made.catalogue, made.train, Ranking(1, "popularity", 0.5))
    got = negatives._any(40_000, torch.Generator().manual_seed(0)).bincount(minlength=3)[1:]
    assert got[0] / got.sum() == pytest.approx(2 / 3, abs=0.01)  # √160 : √40 = 2 : 1


def test_columns_of_alternatives_are_called_others(examples):
    found = Negatives(examples.catalogue, examples.train, Ranking(3)).columns(examples.train[:5], 1, "s", 0)
    changing = {c.key for c in COLUMNS if ITEM_FIELDS & set(c.fields)}
    assert set(found) == {OTHERS + key for key in changing}
    assert all(len(column) == 15 for column in found.values())


# -- ranking -----------------------------------------------------------------------------------------------


class Scores(torch.nn.Module):
    """A score for every value of what it reads; as a product of two sides where `sides` is asked for."""

    def __init__(self, seed, context):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.own = torch.randn(USERS + 2, 4, generator=generator)
        self.of_item = torch.randn(ITEMS + 2, 4, generator=generator)
        self.city = torch.randn(5, 4, generator=generator) * context
        self.cross = torch.randn(60, generator=generator)

    def factors(self, batch, choices):
        return self.own[batch["user"]] + self.city[batch["city"]], self.of_item[batch["item"]]

    def forward(self, batch, choices, noise):
        own, item = self.factors(batch, choices)
        return (own * item).sum(-1)


def model_of(factored, context=1.0, seed=0):
    module = Scores(seed, context)
    compiled = type("Compiled", (), {"factored": factored})()
    return Model(compiled, module, {}, {})


def naive(model, examples, rows, k):
    """Recall and NDCG of every user and city, straight from their definitions."""
    goods, encoded = examples.catalogue, examples.encoded
    city = encoded.batch(torch.arange(encoded.count))["city"]
    part = int(encoded.part[int(rows[0])])
    before = [examples.train, torch.cat([examples.train, examples.stopping])]
    before.append(torch.cat([before[1], examples.valid]))
    recalls, ndcgs = [], []
    for user in range(1, int(goods.user.max()) + 1):
        seen = {int(goods.item[r]) for r in before[part] if goods.user[r] == user and goods.item[r] > 0}
        for place in range(int(city.max()) + 1):
            mine = [int(r) for r in rows if goods.user[r] == user and city[r] == place]
            items = [int(goods.item[r]) for r in mine]
            wanted = {i for i in items if i > 0} - seen
            count = len(wanted) + items.count(0)
            if not count:
                continue
            scores = {}
            for item in set(range(1, goods.items + 1)) - seen:
                batch = goods.pairs(encoded, torch.tensor(mine[:1]), torch.tensor([item]))
                scores[item] = float(model.module(batch, {}, {}))
            best = sorted(scores, key=lambda i: -scores[i])[:k]
            hits = [i in wanted for i in best]
            recalls.append(sum(hits) / count)
            ideal = sum(1 / math.log2(p + 2) for p in range(min(k, count)))
            ndcgs.append(sum(h / math.log2(p + 2) for p, h in enumerate(hits)) / ideal)
    return np.mean(recalls), np.mean(ndcgs), len(recalls)


@pytest.mark.parametrize("factored", [True, False])
@pytest.mark.parametrize("part", ["stopping", "valid", "test"])
def test_figures_are_those_of_the_definition(examples, part, factored):
    model, rows = model_of(factored), getattr(examples, part)
    found = ranked(model, examples, rows, {}, 7, whole=True)
    recall, ndcg, count = naive(model, examples, rows, 3)
    assert found == {"recall@3": pytest.approx(recall), "ndcg@3": pytest.approx(ndcg)}
    assert questions(examples, rows, 10**6).every == count


def test_a_long_list_and_a_short_one_beside_it(examples):
    wide = replace(examples, top=20)
    found = ranked(model_of(True), wide, wide.test, {}, 100, whole=True)
    assert list(found) == ["recall@20", "ndcg@20", "recall@10", "ndcg@10"]
    # There are fewer than ten items, so every known one that is new is found.
    recall, ndcg, _ = naive(model_of(True), wide, wide.test, 20)
    assert found["recall@20"] == found["recall@10"] == pytest.approx(recall)
    assert found["ndcg@20"] == pytest.approx(ndcg)


def test_a_sample_of_the_questions(examples):
    whole = questions(examples, examples.test, 10**6)
    some = questions(examples, examples.test, 5)
    assert some.rows.numel() == 5
    assert some.every == whole.rows.numel() > 5
    assert set(some.rows.tolist()) < set(whole.rows.tolist())
    assert torch.equal(some.rows, questions(examples, examples.test, 5).rows)
    other = questions(replace(examples, seed=4), examples.test, 5)
    assert not torch.equal(some.rows, other.rows)


def test_equal_scores_do_not_favour_popular_items():
    """Ids go by training counts: a model that says nothing must not rank by popularity."""
    rng = np.random.default_rng(0)
    # Many rare items besides: of few, topk does not take the first among equals.
    item = np.concatenate([np.minimum(rng.geometric(0.3, 3000), 40) - 1, np.arange(40, 540)])
    part = np.where(rng.random(3500) < 0.3, "test", "train")
    part[3000:] = "train"
    frame = pl.DataFrame({"user": rng.integers(0, 300, 3500), "item": item, "city": np.zeros(3500, int)})
    frame = frame.with_columns(
        kind=pl.col("item") % 3, price=pl.col("item") * 1.0, tags=pl.lit(["a"]), split=pl.Series(part)
    )  # fmt: skip
    made = examples_of(frame, top=5)
    model = model_of(True)
    model.module.own, model.module.of_item = torch.zeros(400, 4), torch.zeros(600, 4)
    model.module.city = torch.zeros(5, 4)
    silent = ranked(model, made, made.test, {}, 1000, whole=True)["recall@5"]
    model.module.of_item = torch.arange(600, 0, -1.0).unsqueeze(1).expand(600, 4)
    model.module.own = torch.ones(400, 4)
    popular = ranked(model, made, made.test, {}, 1000, whole=True)["recall@5"]
    assert silent < 0.7 * popular


def test_a_score_that_is_none_is_no_figure(examples):
    model = model_of(True)
    model.module.of_item[1] = torch.nan
    assert all(math.isnan(v) for v in ranked(model, examples, examples.test, {}, 100, whole=True).values())
    nobody = examples.test[:0]
    assert all(math.isnan(v) for v in ranked(model_of(True), examples, nobody, {}, 100, whole=True).values())


def test_metrics_by_hand():
    hits = np.array([[True, False, True], [False, False, False]])
    recall, ndcg = metrics.ranking(hits, [4, 1], 3)
    assert recall == pytest.approx((2 / 4 + 0) / 2)
    assert ndcg == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2) / 2)
    assert metrics.ranking(hits, [1, 1], 2)[1] == pytest.approx(0.5)


def test_only_positives_are_learned_and_asked_for():
    rng = np.random.default_rng(5)
    frame = table().with_columns(clicked=pl.Series(rng.integers(0, 2, ROWS)))
    made = examples_of(frame, target=Target("clicked"))
    label = frame["clicked"].to_numpy()
    for part in ("train", "stopping", "valid", "test"):
        rows = getattr(made, part).numpy()
        assert label[rows].all()
        assert rows.size
    assert sum(getattr(made, p).numel() for p in ("train", "stopping", "valid", "test")) == label.sum()

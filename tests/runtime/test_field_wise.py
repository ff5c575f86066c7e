"""Field-wise logistic regression against one regression at a time, and columns that are encoded on demand."""

import by_hand
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recspace.compiler.schema import Column
from recspace.runtime import field_wise, metrics
from recspace.runtime.columns import Columns
from recspace.runtime.data.bind import bind_table
from recspace.runtime.data.spec import Category, DataSpec, Feature, Many, Number, Target
from recspace.runtime.examples import divided
from recspace.runtime.field_wise import Judge, halvings, learned, parts, seen_by

ROWS = by_hand.rows(1200)


def alone(label, logit, weight):
    """The optimum of one cell by bisection on the slope of its posterior."""
    low, high = -20.0, 20.0
    for _ in range(100):
        w = (low + high) / 2
        slope = (weight * (label - 1 / (1 + np.exp(-(w + logit))))).sum() - field_wise.RIDGE * w
        low, high = (w, high) if slope > 0 else (low, w)
    return (low + high) / 2


def test_every_cell_is_at_its_own_optimum():
    rng = np.random.default_rng(0)
    cell = np.stack([rng.integers(0, 5, 300), 5 + rng.integers(0, 40, 300)])
    label, weight = rng.integers(0, 2, 300).astype(float), rng.uniform(0, 2, 300)
    logit = rng.normal(size=(2, 300))
    found = learned(*(torch.from_numpy(a) if not isinstance(a, int) else a for a in (cell, 46, label, logit, weight)))
    for c in range(46):
        rows = [(k, r) for k in range(2) for r in range(300) if cell[k, r] == c]
        z, y = np.array([logit[k, r] for k, r in rows]), np.array([label[r] for _, r in rows])
        want = alone(y, z, np.array([weight[r] for _, r in rows])) if rows else 0.0
        assert found[c].item() == pytest.approx(want, abs=1e-4)


def bound(rows=1500, seed=0):
    rng = np.random.default_rng(seed)
    columns = {f"f{k}": rng.integers(0, 5, rows) for k in range(4)}
    z = rng.normal(0, 2, (5, 5))[columns["f0"], columns["f1"]]
    others = {"price": rng.normal(size=rows), "tags": [[1], [2, 3], []] * (rows // 3)}
    table = pl.DataFrame({**columns, **others, "label": (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)})
    meanings = {**{name: Category() for name in columns}, "price": Number(), "tags": Many()}
    features = tuple(Feature(name, name, meaning) for name, meaning in meanings.items())
    return bind_table(DataSpec("d", "", features, Target("label")), table, seed=1)


def judged(batches=4, room=2**28):
    data = bound()
    base = [*(Column("id", (f"f{k}",)) for k in range(4)), Column("label")]
    columns = Columns(data.encode, base, torch.device("cpu"), room)
    return Judge(divided(columns.base, "binary", 0.1, 0, columns=columns), batches, "auc", 3, "0.beam")


CROSSES = tuple(Column("cross", f, (0,) * len(f)) for f in (("f0", "f1"), ("f0", "f2"), ("f1", "f2", "f3")))


def test_a_cross_is_worth_what_its_own_regression_is():
    judge = judged()
    odds = judge.odds()
    found = judge.scores([(c, odds) for c in CROSSES], 4)
    n = judge.examples.train.numel()
    batch = judge.examples.of(CROSSES).batch(judge.everything)
    label = batch[":label"].numpy()
    for column, score in zip(CROSSES, found, strict=True):
        ids = batch[column.key].numpy()
        w = np.zeros(ids.max() + 1)
        for v in range(1, w.size):
            rows = np.flatnonzero(ids[:n] == v)
            w[v] = alone(label[rows], odds[rows].double().numpy(), np.ones(rows.size))
        assert score == pytest.approx(metrics.auc(label[n:], w[ids[n:]]), abs=2e-3)
        joined = judge.joined(column, odds)
        np.testing.assert_allclose(joined.numpy(), w[ids] + odds.numpy(), atol=1e-2)
        assert judge.worth(joined) == pytest.approx(score, abs=1e-9)
    assert found[0] > max(found[1:]) + 0.1


def test_how_much_is_done_at_once_makes_no_difference(monkeypatch):
    judge = judged()
    asked = [(c, judge.odds()) for c in CROSSES]
    whole = judge.scores(asked, 3)
    monkeypatch.setattr(field_wise, "TOGETHER", 40)  # one column at a time, and its values numbered anew
    assert judge.scores(asked, 3) == pytest.approx(whole, abs=1e-12)


def test_hashed_and_rare_crosses_are_numbered_by_their_encoder():
    judge = judged()
    hashed, rare = Column("cross", ("f0", "f1"), (0, 0), rows=7), Column("cross", ("f0", "f1"), (0, 0), min_count=60)
    assert parts(hashed) == (hashed,)
    assert parts(rare) == (rare,)
    plain, seven, common = judge.scores([(c, judge.odds()) for c in (CROSSES[0], hashed, rare)], 4)
    assert plain > seven
    assert plain > common


def test_what_has_several_values_or_none_is_not_crossed():
    judge = judged()
    assert judge.readable(Column("cross", ("f0", "price"), (0, 8)))
    assert not judge.readable(Column("cross", ("f0", "tags"), (0, 0)))
    assert not judge.readable(Column("cross", ("f0", "price"), (0, 0)))  # a number without buckets has no id


@given(candidates=st.integers(1, 7000), width=st.integers(1, 5), batches=st.integers(1, 40))
def test_candidates_are_halved_and_rows_doubled(candidates, width, batches):
    rounds = halvings(candidates, width, batches)
    assert 1 <= rounds <= batches
    seen = [seen_by(r, rounds, batches) for r in range(1, rounds + 1)]
    assert seen == sorted(seen)
    assert seen[0] >= 1
    assert seen[-1] == batches


def test_columns_are_encoded_when_they_are_asked_for_and_given_up_again():
    data, asked = bound(), []

    def encode(columns):
        asked.append([c.key for c in columns])
        return data.encode(columns)

    columns = Columns(encode, [Column("id", ("f0",)), Column("label")], torch.device("cpu"), room=2 * 4 * 1500)
    straight = data.encode([Column("label"), *CROSSES])
    rows = torch.arange(0, 1500, 7)
    for wanted in (CROSSES[:1], CROSSES, CROSSES[:1], CROSSES[2:]):
        batch = columns.of(wanted).batch(rows)
        assert set(batch) == {"f0", ":label", *(c.key for c in wanted)}
        assert all(torch.equal(batch[c.key], straight.batch(rows)[c.key]) for c in wanted)
    # Two columns have room: the first was given up when the third came, the second when the first came again.
    first, second, third = ([c.key] for c in CROSSES)
    assert asked[1:] == [first, second, third, first]
    assert columns.of([Column("id", ("f0",))]) is columns.base

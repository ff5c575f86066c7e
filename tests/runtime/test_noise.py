"""Standard errors against what drawing the rows again and again says."""

import numpy as np
import pytest

from recspace.runtime import metrics
from recspace.runtime.noise import errors


def drawn(seed, rows=400):
    generator = np.random.default_rng(seed)
    truth = generator.normal(0, 1.5, rows)
    label = (generator.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)
    ours = 1 / (1 + np.exp(-(truth + generator.normal(0, 0.7, rows)).round(1)))
    theirs = 1 / (1 + np.exp(-(truth + generator.normal(0, 1.0, rows)).round(1)))
    return label, ours, theirs


MEASURES = {"auc": metrics.auc, "logloss": metrics.logloss, "accuracy": metrics.accuracy}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("paired", [False, True])
def test_of_clicks_it_is_what_resampling_gives(name, paired):
    label, ours, theirs = drawn(0)
    measure, generator = MEASURES[name], np.random.default_rng(1)
    values = []
    for _ in range(600):
        at = generator.integers(0, label.size, label.size)
        values.append(measure(label[at], ours[at]) - (measure(label[at], theirs[at]) if paired else 0))
    found = errors("binary", label, ours, theirs if paired else None)
    assert found[name] == pytest.approx(np.std(values), rel=0.12)


def test_a_difference_is_known_better_than_either():
    label, ours, _ = drawn(0)
    near = np.clip(ours + 0.01 * np.sign(np.sin(np.arange(label.size))), 0.001, 0.999)
    assert errors("binary", label, ours, near)["auc"] < errors("binary", label, ours)["auc"] / 3
    assert errors("binary", label, ours, ours) == {"auc": 0.0, "logloss": 0.0, "accuracy": 0.0}


def test_of_numbers_and_classes():
    generator = np.random.default_rng(2)
    label = generator.normal(0, 1, 500)
    ours, theirs = label + generator.normal(0, 0.5, 500), label + generator.normal(0, 0.8, 500)
    values = [
        metrics.rmse(label[at], ours[at]) - metrics.rmse(label[at], theirs[at])
        for at in (generator.integers(0, 500, 500) for _ in range(600))
    ]
    assert errors("number", label, ours, theirs)["rmse"] == pytest.approx(np.std(values), rel=0.12)
    share = generator.dirichlet([1, 1, 1], 300)
    assert set(errors("classes", generator.integers(0, 3, 300), share)) == {"logloss", "accuracy"}


def test_a_row_that_counts_twice_is_no_other_row():
    """Weights: rows of weight 0 are as if they were not there."""
    label, ours, theirs = drawn(3)
    weight = (np.arange(label.size) % 4 > 0).astype(float)
    kept = weight > 0
    some, all_ = errors("binary", label[kept], ours[kept], theirs[kept]), errors("binary", label, ours, theirs, weight)
    assert all(all_[name] == pytest.approx(some[name], rel=0.01) for name in some)


def test_what_is_not_defined_is_left_out():
    assert "auc" not in errors("binary", [1.0, 1.0, 1.0], [0.2, 0.4, 0.5])
    assert errors("binary", [1.0], [0.5]) == {}
    assert errors("number", [], []) == {}

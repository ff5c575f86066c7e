"""The measures against their definitions, written out pair by pair, and against scikit-learn where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.runtime import metrics

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.05, 0.2, 0.2, 0.5, 0.9]), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


def pairwise_auc(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    won = total = 0.0
    for i in np.flatnonzero(label == 1):
        for j in np.flatnonzero(label == 0):
            pair = float(weight[i] * weight[j])
            total += pair
            won += pair * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    return won / total if total else math.nan


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_auc_counts_pairs_with_ties_and_weights(rows: list[tuple[int, float, int, int]]) -> None:
    label, score, weight, _ = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    assert metrics.auc(label, score) == pytest.approx(pairwise_auc(label, score, np.ones_like(label)), nan_ok=True)
    assert metrics.auc(label, score, weight) == pytest.approx(pairwise_auc(label, score, weight), nan_ok=True)


@given(ROWS)
@settings(max_examples=100, deadline=None)
def test_grouped_auc_skips_groups_of_one_class(rows: list[tuple[int, float, int, int]]) -> None:
    label, score, _, group = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    total = sizes = 0.0
    for g in np.unique(group):
        value = pairwise_auc(label[group == g], score[group == g], np.ones(int((group == g).sum())))
        if not math.isnan(value):
            total, sizes = total + value * (group == g).sum(), sizes + (group == g).sum()
    expected = total / sizes if sizes else math.nan
    assert metrics.grouped_auc(label, score, group) == pytest.approx(expected, nan_ok=True)


def test_against_scikit_learn() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    label, score = rng.integers(0, 2, 5000), rng.random(5000).round(2).clip(0.01, 0.99)
    weight = rng.random(5000)
    expected = reference.roc_auc_score(label, score, sample_weight=weight)
    assert metrics.auc(label, score, weight) == pytest.approx(expected)
    assert metrics.logloss(label, score, weight) == pytest.approx(
        reference.log_loss(label, score, sample_weight=weight)
    )
    assert metrics.rmse(label, score) == pytest.approx(reference.root_mean_squared_error(label, score))
    assert metrics.accuracy(label, score) == pytest.approx(reference.accuracy_score(label, score >= 0.5))


def test_classes() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [2.0, 1.0, 1.0]])
    assert metrics.classes_logloss([0, 2, 1], p) == pytest.approx(-np.log([0.7, 0.8, 0.25]).mean())
    assert metrics.accuracy([0, 2, 1], p) == pytest.approx(2 / 3)


def test_logloss_of_certain_predictions_is_finite() -> None:
    assert 10 < metrics.logloss([1, 1], [0.0, 0.0]) < 20


def test_what_is_undefined_is_nan() -> None:
    assert math.isnan(metrics.auc([1, 1], [0.1, 0.2]))
    assert math.isnan(metrics.auc([], []))
    assert math.isnan(metrics.auc([0, 1], [0.1, math.nan]))
    assert math.isnan(metrics.grouped_auc([0, 1], [0.1, 0.3], [1, 2]))
    assert math.isnan(metrics.rmse([], []))
    assert metrics.accuracy([0.0], [math.nan]) == 0.0
    with pytest.raises(ValueError, match="one value a row"):
        metrics.auc([0, 1], [0.5])

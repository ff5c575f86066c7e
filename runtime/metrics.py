"""Measures of predictions, in float64 numpy and without torch.

Arrays have shape [N] over rows. A measure that the rows do not define (AUC of one class, anything of no rows) is NaN:
the caller decides what to say, nothing is made up. Weights are sample weights, at least 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 in the logloss; float32 cannot tell 1 − 1e-8 from 1."""


def auc(label_N: ArrayLike, score_N: ArrayLike, weight_N: ArrayLike | None = None) -> float:
    """Chance that a positive row scores above a negative one; a tie counts half (Mann-Whitney).

    NaN where a class has no weight or a score is NaN.
    """
    positive, score, weight = _rows(label_N, score_N, weight_N)
    if score.size == 0 or np.isnan(score).any():
        return float("nan")
    order = np.argsort(score, kind="stable")
    ends = _run_ends(score[order])
    up = np.diff(np.cumsum((weight * positive)[order])[ends], prepend=0.0)
    down = np.diff(np.cumsum((weight * (1.0 - positive))[order])[ends], prepend=0.0)
    pairs = up.sum() * down.sum()
    below = np.cumsum(down) - down
    return float((up * (below + 0.5 * down)).sum() / pairs) if pairs > 0 else float("nan")


def grouped_auc(label_N: ArrayLike, score_N: ArrayLike, group_N: ArrayLike) -> float:
    """GAUC: the AUC within each group (normally a user), averaged by the number of rows of the group.

    Groups of one class have no AUC and are skipped (Zhou et al., KDD 2018). NaN where none is left.
    """
    positive, score, _ = _rows(label_N, score_N, None)
    groups = np.unique(np.asarray(group_N).ravel(), return_inverse=True)[1].ravel()
    _same_length(positive, groups)
    if score.size == 0 or np.isnan(score).any():
        return float("nan")
    order = np.lexsort((score, groups))
    groups, score, positive = groups[order], score[order], positive[order]
    size = np.bincount(groups).astype(np.float64)
    ups = np.bincount(groups, weights=positive)
    downs = size - ups
    # Rank sums, with the mean rank among ties: U = sum of the positives' ranks within the group - ups (ups + 1) / 2.
    starts = np.concatenate(([0.0], np.cumsum(size)[:-1]))
    rank = np.arange(1, score.size + 1) - starts[groups]
    run = np.cumsum(np.r_[True, (score[1:] != score[:-1]) | (groups[1:] != groups[:-1])]) - 1
    mean_rank = (np.bincount(run, weights=rank) / np.bincount(run))[run]
    u = np.bincount(groups, weights=mean_rank * positive) - ups * (ups + 1) / 2
    both = (ups > 0) & (downs > 0)
    if not both.any():
        return float("nan")
    return float((u[both] / (ups * downs)[both] * size[both]).sum() / size[both].sum())


def logloss(label_N: ArrayLike, probability_N: ArrayLike, weight_N: ArrayLike | None = None) -> float:
    """Mean negative log likelihood (natural logarithm) of labels 0 or 1."""
    positive, p, weight = _rows(label_N, probability_N, weight_N)
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    return _mean(-(positive * np.log(p) + (1 - positive) * np.log1p(-p)), weight)


def classes_logloss(label_N: ArrayLike, probability_NC: ArrayLike, weight_N: ArrayLike | None = None) -> float:
    """Mean negative log probability of the right class; rows of `probability_NC` [N, C] are normalised."""
    p_NC = np.clip(np.asarray(probability_NC, np.float64), SMALLEST, None)
    label = np.asarray(label_N).astype(np.int64).ravel()
    chosen = p_NC[np.arange(label.size), label] / p_NC.sum(1)
    _, chosen, weight = _rows(label, chosen, weight_N)
    return _mean(-np.log(chosen), weight)


def rmse(label_N: ArrayLike, prediction_N: ArrayLike, weight_N: ArrayLike | None = None) -> float:
    """Root of the mean squared error."""
    label, prediction, weight = _rows(label_N, prediction_N, weight_N)
    return float(np.sqrt(_mean((label - prediction) ** 2, weight)))


def accuracy(label_N: ArrayLike, prediction: ArrayLike, weight_N: ArrayLike | None = None) -> float:
    """Share of rows that are right: probabilities [N] are cut at 0.5, of [N, C] the largest is taken."""
    guess = np.asarray(prediction, np.float64)
    answer = guess.argmax(1).astype(np.float64) if guess.ndim == 2 else (guess >= 0.5).astype(np.float64)
    label, answer, weight = _rows(label_N, answer, weight_N)
    right = np.where(np.isnan(guess).any(1) if guess.ndim == 2 else np.isnan(guess), 0.0, label == answer)
    return _mean(right, weight)


def ranking(hit_QK: NDArray[np.bool_], count_Q: ArrayLike, k: int) -> tuple[float, float]:
    """Recall@k and NDCG@k, averaged over questions that want `count_Q` items each; NaN of no questions.

    `hit_QK`: whether what stands on each place, the best first, is wanted. A hit on place r (from 1) is worth
    1 / log2(r + 1); the best there could be has min(k, count) hits in front (He et al., SIGIR 2020: binary relevance).
    """
    hits, count = np.asarray(hit_QK, np.float64)[:, :k], np.asarray(count_Q, np.int64)
    if count.size == 0:
        return float("nan"), float("nan")
    worth_K = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate(([0.0], np.cumsum(worth_K)))[np.minimum(count, k)]
    recall = hits.sum(1) / count
    ndcg = (hits @ worth_K[: hits.shape[1]]) / best
    return float(recall.mean()), float(ndcg.mean())


def _rows(a_N: ArrayLike, b_N: ArrayLike, weight_N: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    a, b = np.asarray(a_N, np.float64).ravel(), np.asarray(b_N, np.float64).ravel()
    weight = np.ones_like(a) if weight_N is None else np.asarray(weight_N, np.float64).ravel()
    _same_length(a, b)
    _same_length(a, weight)
    return a, b, weight


def _same_length(a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
    if a.size != b.size:
        raise ValueError(f"one value a row is needed, got {a.size} and {b.size}")


def _run_ends(sorted_N: Floats) -> NDArray[np.intp]:
    """Index of the last entry of each run of equal values."""
    return np.flatnonzero(np.r_[sorted_N[1:] != sorted_N[:-1], True])


def _mean(value_N: Floats, weight_N: Floats) -> float:
    total = weight_N.sum()
    return float((value_N * weight_N).sum() / total) if total > 0 else float("nan")


def kendall(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Kendall's τ-b: of all pairs those in the same order minus those in the other, ties counted out; None where one of the
    two has no order. Source: Kendall, The treatment of ties in ranking problems, 1945."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    i, j = np.triu_indices(a.size, 1)
    sign_a, sign_b = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
    pairs = math.sqrt(float(np.abs(sign_a).sum()) * float(np.abs(sign_b).sum()))
    return float((sign_a * sign_b).sum()) / pairs if pairs else None

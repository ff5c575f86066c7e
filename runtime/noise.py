"""How far a figure may be off by the chance of which rows it was judged on: standard errors, in float64 numpy.

Of one model, or of the difference between two that were judged on the same rows: what both find hard cancels out there,
so that it is known far better than either. It is not the chance of another seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .metrics import SMALLEST

Floats = NDArray[np.float64]
Task = Literal["binary", "number", "classes"]


def errors(
    task: Task,
    label_N: ArrayLike,
    prediction: ArrayLike,
    other: ArrayLike | None = None,
    weight_N: ArrayLike | None = None,
) -> dict[str, float]:
    """The standard error of every figure that has one; with `other` that of the difference `prediction` − `other`.

    Predictions are [N], of classes [N, C]. A figure without a finite error is left out.
    """
    label = np.asarray(label_N, np.float64).ravel()
    weight = np.ones_like(label) if weight_N is None else np.asarray(weight_N, np.float64).ravel()
    ours = np.asarray(prediction, np.float64)
    theirs = None if other is None else np.asarray(other, np.float64)
    found = {name: _of_mean(of_row, label, ours, theirs, weight) for name, of_row in ROWS[task].items()}
    if task == "binary":
        found["auc"] = _of_auc(label, ours, theirs, weight)
    if task == "number":
        found["rmse"] = _of_rmse(label, ours, theirs, weight)
    return {name: error for name, error in found.items() if np.isfinite(error)}


def _loss(label_N: Floats, p_N: Floats) -> Floats:
    p = np.clip(p_N, SMALLEST, 1 - SMALLEST)
    return np.asarray(-(label_N * np.log(p) + (1 - label_N) * np.log1p(-p)))


def _right(label_N: Floats, p_N: Floats) -> Floats:
    return np.asarray(label_N == (p_N >= 0.5), np.float64)


def _class_loss(label_N: Floats, p_NC: Floats) -> Floats:
    p = np.clip(p_NC, SMALLEST, None)
    return np.asarray(-np.log(p[np.arange(label_N.size), label_N.astype(np.int64)] / p.sum(1)))


def _class_right(label_N: Floats, p_NC: Floats) -> Floats:
    return np.asarray(label_N == p_NC.argmax(1), np.float64)


Of = Callable[[Floats, Floats], Floats]
ROWS: Mapping[Task, Mapping[str, Of]] = {
    "binary": {"logloss": _loss, "accuracy": _right},
    "number": {},
    "classes": {"logloss": _class_loss, "accuracy": _class_right},
}
"""Figures that are means over rows."""


def _of_mean(of_row: Of, label: Floats, ours: Floats, theirs: Floats | None, weight: Floats) -> float:
    value_N = of_row(label, ours)
    return _error(value_N if theirs is None else value_N - of_row(label, theirs), weight)


def _of_rmse(label: Floats, ours: Floats, theirs: Floats | None, weight: Floats) -> float:
    """√a − √b = (a − b) / (√a + √b), the roots taken as known."""
    squares = [(label - p) ** 2 for p in (ours, theirs) if p is not None]
    roots = [float(np.sqrt(np.average(s, weights=weight))) if weight.sum() > 0 else np.nan for s in squares]
    value_N = squares[0] - squares[1] if len(squares) == 2 else squares[0]
    total = sum(roots) if len(squares) == 2 else 2 * roots[0]
    return _error(value_N, weight) / total if total > 0 else float("nan")


def _of_auc(label: Floats, ours: Floats, theirs: Floats | None, weight: Floats) -> float:
    """DeLong et al. (Biometrics 1988): the AUC is the mean of where every row stands among those of the other class."""
    positive = label > 0.5
    if not positive.any() or positive.all():
        return float("nan")
    place_N = _places(positive, ours, weight)
    if theirs is not None:
        place_N = place_N - _places(positive, theirs, weight)
    up, down = (_error(place_N[rows], weight[rows]) for rows in (positive, ~positive))
    return float(np.hypot(up, down))


def _places(positive: NDArray[np.bool_], score_N: Floats, weight: Floats) -> Floats:
    """For every row the share of the other class that it is ranked rightly against; ties count half. [N]"""
    result = np.empty_like(score_N)
    for own in (positive, ~positive):
        order = np.argsort(score_N[~own], kind="stable")
        sorted_M = score_N[~own][order]
        total_M = np.concatenate([[0.0], np.cumsum(weight[~own][order])])
        below = total_M[np.searchsorted(sorted_M, score_N[own], "left")]
        upto = total_M[np.searchsorted(sorted_M, score_N[own], "right")]
        share = (below + upto) / (2 * total_M[-1]) if total_M[-1] > 0 else np.full(below.shape, np.nan)
        result[own] = share if own is positive else 1 - share
    return result


def _error(value_N: Floats, weight_N: Floats) -> float:
    """Of a weighted mean; NaN of fewer than two rows."""
    total = weight_N.sum()
    if value_N.size < 2 or total <= 0:
        return float("nan")
    off_N = weight_N * (value_N - (value_N * weight_N).sum() / total)
    return float(np.sqrt((off_N**2).sum() * value_N.size / (value_N.size - 1)) / total)

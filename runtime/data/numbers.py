"""Numbers: standardised by training rows, or cut into buckets whose borders are fitted on training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import Floats, Ids
from .spec import Binning

TREES = 10
TREE_ROWS = 20
"""Least rows in a leaf of a tree that finds borders."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A raw number: (x − mean) / deviation of training rows; missing is 0."""

    mean: float
    deviation: float

    def scaled(self, x_N: Floats) -> NDArray[np.float32]:
        return np.nan_to_num((x_N - self.mean) / self.deviation, nan=0.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Bucket b holds edges[b − 1] ≤ x < edges[b].

    `id_of[b]` is its id, 0 where no training row has it; the last entry is that of missing cells.
    """

    edges: Floats
    id_of: Ids
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return self.counts.size

    def ids(self, x_N: Floats) -> Ids:
        return self.id_of[_bucket(x_N, self.edges)]


def _bucket(x_N: Floats, edges: Floats) -> NDArray[np.intp]:
    return np.where(np.isnan(x_N), edges.size + 1, np.searchsorted(edges, x_N, side="right"))


def fit_scale(x_N: Floats) -> Scale:
    """Mean and deviation of training cells; a constant has the deviation 1."""
    known = x_N[~np.isnan(x_N)]
    if known.size == 0:
        return Scale(0.0, 1.0)
    largest = float(np.abs(known).max())
    unit = largest if largest > 1e100 else 1.0  # squares must stay finite
    deviation = float((known / unit).std()) * unit
    return Scale(float((known / unit).mean()) * unit, deviation if deviation > 0 else 1.0)


def fit_buckets(x_N: Floats, edges: Floats) -> Buckets:
    """Buckets that training rows have, in falling order of their count (ties by value, missing last)."""
    counts = np.bincount(_bucket(x_N, edges), minlength=edges.size + 2)
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    id_of = np.zeros(edges.size + 2, np.int32)
    id_of[order] = np.arange(1, order.size + 1)
    return Buckets(edges, id_of, counts[order].astype(np.int64))


def find_edges(x_N: Floats, bins: int, by: Binning, target_N: Floats | None) -> Floats:
    """Inner borders, rising, at most bins − 1 of them, from training cells [N]; `tree` needs the training labels."""
    known = ~np.isnan(x_N)
    x = x_N[known]
    if x.size == 0 or bins < 2 or x.min() == x.max():
        return np.empty(0)
    match by:
        case "quantile":
            edges = np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1])
        case "uniform":
            edges = np.linspace(x.min(), x.max(), bins + 1)[1:-1]
        case "log":
            edges = _log_edges(x, bins)
        case "tree":
            if target_N is None:
                raise ValueError("trees need a target")
            edges = _tree_edges(x, target_N[known], bins)
    edges = np.unique(edges.astype(np.float64))
    return edges[np.isfinite(edges)]


def _log_edges(x: Floats, bins: int) -> Floats:
    """Equal steps of log x where all cells are positive, else of log(1 + x − smallest)."""
    low, high = float(x.min()), float(x.max())
    if low > 0:
        return np.asarray(np.exp(np.linspace(np.log(low), np.log(high), bins + 1)[1:-1]))
    return np.asarray(np.expm1(np.linspace(0.0, np.log1p(high - low), bins + 1)[1:-1]) + low)


def _tree_edges(x: Floats, target: Floats, bins: int) -> Floats:
    """Thresholds of boosted trees that predict the label from this number alone, those of the greatest gain first."""
    import lightgbm

    two = bool(np.isin(target, (0.0, 1.0)).all())
    options: dict[str, Any] = {
        "objective": "binary" if two else "regression",
        "num_leaves": max(2, bins),
        "min_data_in_leaf": max(1, min(TREE_ROWS, x.size // (2 * bins))),
        "max_bin": max(255, 4 * bins),
        "learning_rate": 0.3,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": 0,
        "verbosity": -1,
    }
    booster = lightgbm.train(options, lightgbm.Dataset(x.reshape(-1, 1), target), num_boost_round=TREES)
    gains: dict[float, float] = {}
    stack = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    while stack:
        node = stack.pop()
        if "threshold" in node:
            threshold = float(node["threshold"])
            gains[threshold] = gains.get(threshold, 0.0) + float(node["split_gain"])
            stack += [node["left_child"], node["right_child"]]
    best = sorted(gains, key=lambda t: (-gains[t], t))[: bins - 1]
    # A tree sends x <= threshold to the left; here a border belongs to the bucket above it.
    return np.nextafter(np.asarray(best, np.float64), np.inf)

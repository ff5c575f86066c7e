"""Operators on sequences and matrices. x [B, L, n] with a mask [B, L], or a matrix [B, R, n]; one example at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .operators import EPSILON, Layer, sigmoid
from .values import Joined, Refused, Sequence, arithmetic, merged, plain

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""One example: x [L, n] and which positions there are [L] → [L, m], or [m]."""


def over_positions(x: Any, formula: Formula) -> Any:
    """Positions of a sequence, rows of a matrix."""
    x = plain(x)
    if isinstance(x, Sequence):
        data = np.stack([formula(v, m) * m[:, None] for v, m in zip(x.data, x.mask, strict=True)])
        return Sequence(data, x.mask, x.pool)
    return over_rows(x, lambda v: formula(v, np.ones(len(v), bool)))


def over_rows(x: Any, formula: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    x = plain(x)
    if not isinstance(x, np.ndarray) or x.ndim != 3:
        raise Refused("this needs a matrix")
    return np.stack([formula(v) for v in x])


def pool1d(x: Any, window: int) -> Any:
    """The mean of the neighbours that there are."""

    def formula(v: np.ndarray, there: np.ndarray) -> np.ndarray:
        rows = []
        for k in range(len(v)):
            seen = [i for i in range(k - (window - 1) // 2, k + window // 2 + 1) if 0 <= i < len(v) and there[i]]
            rows.append(v[seen].mean(0) if seen else np.zeros(v.shape[1]))
        return np.array(rows).reshape(v.shape)

    return over_positions(x, formula)


def conv1d(layer: Layer, x: Any, n: int, window: int = 3) -> Any:
    def formula(v: np.ndarray, there: np.ndarray) -> np.ndarray:
        kernel, bias = layer.weight("weight", (window, v.shape[1], n)), layer.weight("bias", (n,))
        rows = []
        for k in range(len(v)):
            y = bias.copy()
            for w in range(window):
                i = k + w - (window - 1) // 2
                if 0 <= i < len(v) and there[i]:
                    y = y + v[i] @ kernel[w]
            rows.append(y)
        return np.array(rows).reshape(len(v), n)

    return over_positions(x, formula)


def gru(layer: Layer, x: Any, n: int) -> Any:
    """Gates in the order reset, update, new."""

    def formula(v: np.ndarray, there: np.ndarray) -> np.ndarray:
        weight, hidden = layer.weight("weight", (v.shape[1], 3 * n)), layer.weight("hidden", (n, 3 * n))
        bias, hidden_bias = layer.weight("bias", (3 * n,)), layer.weight("hidden_bias", (3 * n,))
        state, rows = np.zeros(n), []
        for k in range(len(v)):
            if there[k]:
                a, b = v[k] @ weight + bias, state @ hidden + hidden_bias
                reset, update = sigmoid(a[:n] + b[:n]), sigmoid(a[n : 2 * n] + b[n : 2 * n])
                new = np.tanh(a[2 * n :] + reset * b[2 * n :])
                state = (1 - update) * new + update * state
            rows.append(state)
        return np.array(rows).reshape(len(v), n)

    return over_positions(x, formula)


def self_attention(layer: Layer, x: Any, heads: int = 1, scaled: bool = True, joined: bool = True) -> Any:
    def formula(v: np.ndarray, there: np.ndarray) -> np.ndarray:
        n = v.shape[1]
        query, key, value = (layer.weight(w, (n, n)) for w in ("query", "key", "value"))
        if not there.any():
            return np.zeros_like(v)
        size, parts = n // heads, []
        for h in range(heads):
            at = slice(h * size, (h + 1) * size)
            scores = (v @ query)[:, at] @ (v @ key)[:, at].T / (np.sqrt(size) if scaled else 1)
            share = np.exp(scores - scores.max(1, keepdims=True)) * there
            parts.append(share / share.sum(1, keepdims=True) @ (v @ value)[:, at])
        return np.concatenate(parts, 1) @ (layer.weight("output", (n, n)) if joined else np.eye(n))

    return over_positions(x, formula)


def softmax(x: Any) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        return np.exp(v) / np.exp(v).sum(-1, keepdims=True)

    x = plain(x)
    return Sequence(formula(x.data), x.mask, x.pool) if isinstance(x, Sequence) else formula(x)


def cin(layer: Layer, x: Any, y: Any, rows: int) -> np.ndarray:
    x, y = plain(x), plain(y)
    weight = layer.weight("weight", (x.shape[1], y.shape[1], rows))
    found = np.zeros((max(len(x), len(y)), rows, x.shape[2]))
    for h, r, s in itertools.product(range(rows), range(x.shape[1]), range(y.shape[1])):
        found[:, h] += weight[r, s, h] * x[:, r] * y[:, s]
    return found


def rows_of(layer: Layer, name: str, x: Any, n: int) -> np.ndarray:
    """A weight [rows of x, n]; where x was joined from matrices, the rows of every part by its path."""
    if isinstance(x, Joined):
        parts = [(path, merged(v).shape[1]) for path, v in x.parts]
        try:
            return np.concatenate([np.zeros((0, n)), *(layer.weight(name, (r, n), "", p) for p, r in parts if r)])
        except KeyError:
            pass
    return layer.weight(name, (merged(x).shape[1], n))


def senet(layer: Layer, x: Any, reduction: int = 3) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        rows = len(v)
        hidden = max(1, rows // reduction)
        squeezed = np.maximum(v.mean(1) @ rows_of(layer, "squeeze", x, hidden), 0)
        return v * np.maximum(squeezed @ layer.weight("excite", (hidden, rows)), 0)[:, None]

    return over_rows(x, formula)


def conv1x1(layer: Layer, x: Any, rows: int | None) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        n = rows or len(v)
        return rows_of(layer, "weight", x, n).T @ v + layer.weight("bias", (n,))[:, None]

    return over_rows(x, formula)


def efc_block(layer: Layer, x: Any, rows: int) -> Any:
    return np.maximum(conv1x1(layer, x, rows), 0)


def pairwise_product(x: Any) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        return np.array([a * b for a, b in itertools.combinations(v, 2)]).reshape(-1, v.shape[1])

    return over_rows(x, formula)


def fm_block(layer: Layer, x: Any, n: int) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        pairs = sum((a * b for a, b in itertools.combinations(v, 2)), np.zeros(v.shape[1]))
        return pairs @ layer.weight("weight", (v.shape[1], n)) + layer.weight("bias", (n,))

    return over_rows(x, formula)


def dot_block(layer: Layer, x: Any, span: int, n: int) -> Any:
    def formula(v: np.ndarray) -> np.ndarray:
        mixed = rows_of(layer, "mix", x, span).T @ v
        dots = np.array([a @ b for a, b in itertools.combinations(mixed, 2)])
        return dots @ layer.weight("weight", (len(dots), n)) + layer.weight("bias", (n,))

    return over_rows(x, formula)


def normalize(layer: Layer, x: Any) -> Any:
    """By running statistics of the training rows."""
    x = merged(x)
    if layer.training or not isinstance(x, np.ndarray):
        raise Refused("normalize while training, or of a sequence or a searched width")
    n = x.shape[-1] if x.ndim > 1 else 1
    mean, variance = layer.weight("running_mean", (n,)), layer.weight("running_var", (n,))
    y = (x.reshape(*x.shape[: x.ndim - (x.ndim > 1)], n) - mean) / np.sqrt(variance + EPSILON)
    return y if x.ndim > 1 else y[:, 0]


def diversity(rows: list[np.ndarray]) -> Any:
    """Mean square cosine of two different parts."""
    pairs = list(itertools.combinations(rows, 2))

    def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return (a * b).sum(1) / np.maximum(size, 1e-24)

    return arithmetic("/", sum(cosine(a, b) ** 2 for a, b in pairs), max(len(pairs), 1)) if pairs else 0.0

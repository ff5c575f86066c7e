"""The baselines against the formulas of their papers, written with loops over fields: one example at a time, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from compiler.agreement import Pair, float64, model_of, shipped, tensors_of
from generate import schema_of
from numpy.typing import NDArray

from recspace.compiler.compiled import Compiled
from recspace.compiler.schema import Field
from recspace.runtime.module import Model, region

IDS = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("age", "number", 5, bins=5),
    Field("city", "category", 2),
)
PAST = schema_of(
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("history", "sequence", 3, "history", of="item", longest=3),
)
FIELDS = ("user", "item", "age", "city")
PAIRS = tuple(combinations(FIELDS, 2))
Vector = NDArray[np.float64]
Cells = dict[str, Any]


class Weights:
    """Random weights of a model, by layer, name and key; `used` are those that a formula has asked for."""

    def __init__(self, model: Model, compiled: Compiled) -> None:
        generator = torch.Generator().manual_seed(3)
        self.found: dict[tuple[Any, ...], Vector] = {}
        self.used: set[tuple[Any, ...]] = set()
        for stored in compiled.tensors:
            whole = model.tensors[stored.attribute]
            drawn = torch.rand(whole.shape, generator=generator, dtype=torch.float64)
            spread = 1.0 if stored.embedding or whole.dim() < 2 else 3 / whole.shape[-2] ** 0.5
            whole.data.copy_(drawn + 0.5 if "running_var" in stored.attribute else spread * (2 * drawn - 1))
            boxes: dict[tuple[Any, ...], list[Any]] = {}
            for part in stored.slices:
                boxes.setdefault((part.layer, part.name, part.key), []).append(region(whole, part).numpy())
            for place, parts in boxes.items():
                axis = parts[0].ndim - 2 if len(parts) > 1 else 0
                joined = np.concatenate(parts, axis)
                self.found[place] = joined[0] if place[2] and not place[1].startswith("table") else joined

    def __call__(self, layer: str, name: str, *key: Any) -> Vector:
        self.used.add((layer, name, key))
        return self.found[layer, name, key]

    def row(self, layer: str, field: str, cells: Cells) -> Vector:
        return self(layer, "table", field)[cells[field]]

    def linear(self, layer: str, x: Vector, *key: Any, part: str = "", bias: bool = True) -> Vector:
        weight = self(layer, f"{part}weight", *key)
        return x @ weight + self(layer, f"{part}bias", *key) if bias else x @ weight

    def mlp(self, layer: str, x: Vector, depth: int, *key: Any, dice: bool = False) -> Vector:
        for k in range(depth):
            x = self.linear(layer, x, *key, part=f"{k}.")
            x = self.dice(f"{k}.activation.dice.", layer, x) if dice else np.maximum(x, 0)
        return x

    def dice(self, part: str, layer: str, x: Vector) -> Vector:
        """DIN, equation 3, by running statistics."""
        mean, var, slope = (self(layer, part + name) for name in ("running_mean", "running_var", "slope"))
        p = 1 / (1 + np.exp(-(x - mean) / np.sqrt(var + 1e-5)))
        return p * x + (1 - p) * slope * x


def lr(w: Weights, x: Cells) -> float:
    return float(w("wide.bias", "bias")[0] + sum(w.row("wide.weight", f, x)[0] for f in FIELDS))


def embedded(w: Weights, x: Cells, layer: str = "e.embed") -> dict[str, Vector]:
    return {f: w.row(layer, f, x) for f in FIELDS}


def joined(e: dict[str, Vector]) -> Vector:
    return np.concatenate([e[f] for f in FIELDS])


def deep(w: Weights, e: dict[str, Vector], place: str = "predict", depth: int = 2) -> float:
    return float(w.linear(f"{place}.linear", w.mlp(f"{place}.mlp", joined(e), depth))[0])


def fm(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    return lr(w, x) + sum(float(e[i] @ e[j]) for i, j in PAIRS)


def hofm(w: Weights, x: Cells) -> float:
    v = embedded(w, x, "v.embed")
    triples = combinations(FIELDS, 3)
    return fm(w, x) + sum(float(v[i][d] * v[j][d] * v[k][d]) for i, j, k in triples for d in range(3))


def nfm(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    pooled = np.array([sum(e[i][d] * e[j][d] for i, j in PAIRS) for d in range(3)])
    return lr(w, x) + float(w.linear("predict.linear", w.mlp("predict.mlp", pooled, 1))[0])


def widedeep(w: Weights, x: Cells) -> float:
    return lr(w, x) + deep(w, embedded(w, x))


def deepfm(w: Weights, x: Cells) -> float:
    return fm(w, x) + deep(w, embedded(w, x), "deep", depth=3)


def ipnn(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    products = np.array([e[i] @ e[j] for i, j in PAIRS])
    return float(w.linear("predict.linear", w.mlp("predict.mlp", np.concatenate([joined(e), products]), 2))[0])


def pin(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    parts = [w.mlp("p.mlp", np.concatenate([e[i], e[j], e[i] * e[j]]), 2, i, j) for i, j in PAIRS]
    return float(w.linear("predict.linear", w.mlp("predict.mlp", np.concatenate(parts), 2))[0])


def dcnv2(w: Weights, x: Cells) -> float:
    start = joined(embedded(w, x))
    crossed = start
    for layer in (1, 2):
        crossed = start * w.linear("x.linear", crossed, layer) + crossed
    return float(w.linear("predict.linear", np.concatenate([crossed, w.mlp("predict.mlp", start, 2)]))[0])


def xdeepfm(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    rows, total = [e[f] for f in FIELDS], 0.0
    for layer in (1, 2):
        weight = w("x.cin", "weight", layer)
        rows = [
            np.asarray(sum(weight[i, j, h] * rows[i] * e[f] for i in range(len(rows)) for j, f in enumerate(FIELDS)))
            for h in range(weight.shape[2])
        ]
        pooled = [row.sum() for row in rows]
        out, bias = w("pooled.conv1x1", "weight", layer), w("pooled.conv1x1", "bias", layer)
        total += float(sum(p * out[h, 0] for h, p in enumerate(pooled)) + 3 * bias[0])
    return lr(w, x) + total + deep(w, e)


def autoint(w: Weights, x: Cells) -> float:
    rows = embedded(w, x)
    for layer in (1, 2):
        query, key, value = (w("x.self_attention", name, layer) for name in ("query", "key", "value"))
        residual, after = w("x.linear", "weight", layer), {}
        for m in FIELDS:
            heads = []
            for at in (slice(0, 2), slice(2, 4)):
                weight = np.array([np.exp((rows[m] @ query)[at] @ (rows[k] @ key)[at]) for k in FIELDS])
                share = weight / weight.sum()
                heads.append(sum(a * (rows[k] @ value)[at] for a, k in zip(share, FIELDS, strict=True)))
            after[m] = np.maximum(np.concatenate(heads) + rows[m] @ residual, 0)
        rows = after
    return float(w.linear("predict.linear", joined(rows))[0])


def afm(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    scores = {(i, j): w.linear("score.linear", w.mlp("score.mlp", e[i] * e[j], 1), bias=False)[0] for i, j in PAIRS}
    total = sum(np.exp(s) for s in scores.values())
    attended = np.asarray(sum(np.exp(scores[i, j]) / total * e[i] * e[j] for i, j in PAIRS))
    return lr(w, x) + float(w.linear("predict.linear", attended, bias=False)[0])


def fibinet(w: Weights, x: Cells) -> float:
    e = embedded(w, x)
    z = np.array([e[f].mean() for f in FIELDS])
    hidden = np.maximum(w.linear("squeezed.linear", z, bias=False), 0)
    a = {f: np.maximum(w.linear("v.linear", hidden, f, bias=False), 0)[0] for f in FIELDS}
    v = {f: a[f] * e[f] for f in FIELDS}
    parts = [
        (of[i] @ w(layer, "weight", i, j)) * of[j] for of, layer in ((e, "p.linear"), (v, "q.linear")) for i, j in PAIRS
    ]
    return lr(w, x) + float(w.linear("predict.linear", w.mlp("predict.mlp", np.concatenate(parts), 2))[0])


def mf(w: Weights, x: Cells) -> float:
    return float(w.row("predict.embed", "user", x) @ w.row("predict.embed#2", "item", x))


def neumf(w: Weights, x: Cells) -> float:
    gmf = w.row("gmf.embed", "user", x) * w.row("gmf.embed#2", "item", x)
    own = np.concatenate([w.row("deep.embed", "user", x), w.row("deep.embed#2", "item", x)])
    return float(w.linear("predict.linear", np.concatenate([gmf, w.mlp("deep.mlp", own, 2)]))[0])


def din(w: Weights, x: Cells) -> float:
    target = w.row("target.embed", "item", x)
    interest = np.zeros(3)
    for event in (i for i in x["history"] if i >= 0):
        past = w("past.embed", "table", "history")[event]
        seen = w.mlp("w.mlp", np.concatenate([past, target, past - target, past * target]), 1, dice=True)
        interest = interest + w.linear("w.linear", seen)[0] * past
    e = [w.row("e.embed", f, x) for f in ("user", "item")]
    return float(w.linear("predict.linear", w.mlp("predict.mlp", np.concatenate([*e, interest]), 2, dice=True))[0])


DEEP = {"width": 3, "units": (5, 4)}
FORMULAS: dict[Callable[[Weights, Cells], float], dict[str, Any]] = {
    lr: {},
    fm: {"width": 3},
    hofm: {"width": 3},
    nfm: {"width": 3, "units": (4,)},
    widedeep: DEEP,
    deepfm: {"width": 3},
    ipnn: DEEP,
    pin: {**DEEP, "inner": (4, 2)},
    dcnv2: DEEP,
    xdeepfm: {**DEEP, "depth": 2, "maps": 3},
    autoint: {"width": 4, "depth": 2, "heads": 2},
    afm: {"width": 3, "hidden": 4},
    fibinet: {**DEEP, "reduction": 2},
    mf: {"width": 3},
    neumf: DEEP,
    din: {**DEEP, "attention": (4,)},
}


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.__name__)
def test_a_baseline_is_the_formula_of_its_paper(formula: Callable[[Weights, Cells], float]) -> None:
    name = formula.__name__
    path = "deepfm.space" if name == "deepfm" else f"baselines/{name}.space"
    pair = Pair(shipped(path), PAST if name == "din" else IDS, FORMULAS[formula], rows=6)
    compiled = pair.supernet
    batch = pair.batch(compiled, 2)
    with float64(), torch.no_grad():
        model = model_of(compiled)
        weights = Weights(model, compiled)
        found = model.module(tensors_of(batch)).numpy()
    cells = [{f: batch[f][k] for f in batch if f != ":label"} for k in range(len(found))]
    expected = np.array([formula(weights, x) for x in cells])
    assert expected.std() > 0.1
    if compiled.ranking is None:
        expected = 1 / (1 + np.exp(-expected))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
    assert weights.used == set(weights.found), "weights that the formula does not have"

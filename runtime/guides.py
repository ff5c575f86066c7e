"""What picks among children before any of them is judged: a model of what was judged so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.architectures import exists
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Graph

LEAST = 10
"""Architectures that have to be judged before there is anything to learn from."""
HIDDEN, PASSES = 32, 150
"""Of the network that estimates scores: neurons, and steps over all that was judged."""
GRADES = 30
"""Relevance of the best; that of the worst is 0. LightGBM's gains reach no further."""


class Guide(Protocol):
    """The position of the child that promises most. `told`: architectures with their scores, −inf for failed ones."""

    def __call__(
        self, graph: Graph, told: Sequence[tuple[Architecture, float]], children: Sequence[Architecture], seed: int
    ) -> int: ...


def available() -> bool:
    return find_spec("lightgbm") is not None


def features(graph: Graph, architecture: Architecture) -> NDArray[np.float64]:
    """Numbers of every element: its option (a number itself), of a set whether it has each member; NaN where the element
    does not exist."""
    alive, found = exists(graph, architecture), list[float]()
    for decision in (d for d in graph.decisions if d.elements and not d.per_value):
        for element, option in enumerate(architecture[decision.name]):
            domain, there = decision.domain(element), alive[decision.name][element]
            if isinstance(option, tuple):
                found += [float(m in option) if there else math.nan for m in range(len(domain.options))]
            elif domain.kind == "number" and domain.options:
                found.append(float(domain.options[int(option)]) if there else math.nan)
            else:
                found.append(float(option) if there else math.nan)
    return np.array(found)


def estimator(
    graph: Graph, told: Sequence[tuple[Architecture, float]], children: Sequence[Architecture], seed: int
) -> int:
    """A network of one hidden layer that learns scores from architectures, by squared error, as RULE's estimator does.

    Features and scores are standardised; what does not exist in an architecture is 0 there, and has a feature that says so.
    """
    good = [(a, s) for a, s in told if s > -math.inf]
    if len(good) < LEAST:
        return 0
    x = _standard(np.stack([features(graph, a) for a, _ in [*good, *((c, 0.0) for c in children)]]))
    score = np.array([s for _, s in good])
    y_N = torch.from_numpy((score - score.mean()) / max(float(score.std()), 1e-12)).float()
    generator = torch.Generator().manual_seed(seed % 2**62)
    weights = [_started(x.shape[1], HIDDEN, generator), _started(HIDDEN, 1, generator)]
    biases = [torch.zeros(HIDDEN, requires_grad=True), torch.zeros(1, requires_grad=True)]
    learning = torch.optim.Adam([*weights, *biases], lr=0.01, weight_decay=1e-3)
    for _ in range(PASSES):
        learning.zero_grad()
        loss = (_estimated(x[: len(good)], weights, biases) - y_N).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        learning.step()
    with torch.no_grad():
        return int(_estimated(x[len(good) :], weights, biases).argmax())


def _estimated(x_NF: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    hidden_NH = torch.relu(x_NF @ weights[0] + biases[0])
    return (hidden_NH @ weights[1] + biases[1]).squeeze(1)


def _started(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    return (torch.randn(rows, columns, generator=generator) / math.sqrt(rows)).requires_grad_()


def _standard(x_NF: NDArray[np.float64]) -> Tensor:
    """Every feature with mean 0 and deviation 1, and whether it is there where it is not always."""
    gone_NF = np.isnan(x_NF)
    filled = np.where(gone_NF, 0.0, x_NF)
    whole = np.concatenate([filled, gone_NF[:, gone_NF.any(0)]], 1)
    scale = whole.std(0)
    return torch.from_numpy((whole - whole.mean(0)) / np.where(scale > 0, scale, 1.0)).float()


def lambdarank(
    graph: Graph, told: Sequence[tuple[Architecture, float]], children: Sequence[Architecture], seed: int
) -> int:
    """LambdaRank with boosted trees (depth 3, learning rate 0.05) over all that was judged, as one query (AutoCTR)."""
    good = [(a, s) for a, s in told if s > -math.inf]
    if len(good) < LEAST:
        return 0
    import lightgbm

    x = np.stack([features(graph, a) for a, _ in good])
    place = np.argsort(np.argsort([s for _, s in good], kind="stable"), kind="stable")
    grade = (place * GRADES // max(len(good) - 1, 1)).astype(np.int32)
    options = {
        "objective": "lambdarank", "max_depth": 3, "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 2,
        "min_data_in_bin": 1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": seed % 2**31,
        "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(x, grade, group=[len(good)], params={"min_data_in_bin": 1, "verbosity": -1})
    model = lightgbm.train(options, data, num_boost_round=100)
    scores = np.asarray(model.predict(np.stack([features(graph, child) for child in children]), num_threads=1))
    return int(np.argmax(scores))


GUIDES: Mapping[str, Guide | None] = {"none": None, "lambdarank": lambdarank, "estimator": estimator}

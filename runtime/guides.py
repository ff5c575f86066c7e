"""What picks among children before any of them is judged: a model of what was judged so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recspace.compiler.architectures import exists
from recspace.compiler.decisions import Architecture
from recspace.compiler.ir import Graph

LEAST = 10
"""Architectures that have to be judged before there is anything to learn from."""
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

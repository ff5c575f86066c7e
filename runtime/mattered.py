"""Which elements of a search never mattered, by what was measured. Imports no torch.

drawn      of trials with scores: how far the mean scores of an element's options lie apart, its interval by the bootstrap
           over trials, and how often shuffled scores lie as far apart (a permutation test of the one-way F statistic)
weighed    of relaxed choices: how far the heaviest option is ahead of the next, and the entropy of the weights

An element never mattered where chance does as much (p > 0.1) and the upper end of the interval is below the tolerance; where
the interval is wider than that, trials are too few to tell. What the other elements explain is taken off first, if trials
suffice; interactions between elements are noise. Trials that were drawn evenly tell most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

AGAIN = 400
"""Draws of the bootstrap, and shufflings."""
LEAST = 2
"""Trials that an option needs to be compared."""
CHANCE = 0.1
LEVEL = 0.9
"""Of the intervals."""
TOLERANCE = 0.5
"""Of the standard deviation of the scores: what may be missed where nothing else is said."""
FLAT = 0.05
"""Of relaxed choices: the heaviest option ahead of the next by no more than this share of all weight."""
Verdict = Literal["mattered", "never mattered", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Element:
    """`name`: `keep[user,item]`. `effect`: of drawn ones the distance of the best option's mean score from the worst's, with
    its interval and the chance of as much; of weighed ones the margin (`entropy`: 1 where all options weigh alike).
    `value`: what the run chose."""

    decision: str
    name: str
    how: Literal["drawn", "weighed"]
    effect: float
    low: float
    high: float
    chance: float | None
    entropy: float | None
    verdict: Verdict
    value: Any


def drawn(
    trials: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], tolerance: float | None, seed: int = 0
) -> tuple[float, tuple[Element, ...]]:
    """Of the trials of one metric, in the journal's form; the tolerance that held. `chosen`: by element, what the run chose."""
    own = [t for t in trials if isinstance(t.get("score"), int | float) and t.get("chosen") and "stopped" not in t]
    own = [t for t in own if "repeats" not in t]
    score_T = np.array([float(t["score"]) for t in own])
    least = TOLERANCE * float(score_T.std()) if tolerance is None and own else tolerance or 0.0
    codes: dict[tuple[str, str], NDArray[np.int64]] = {}
    for decision in dict.fromkeys(name for t in own for name in t["chosen"]):
        for label in own[0]["chosen"].get(decision, {}):
            values = [_key(t["chosen"][decision].get(label)) for t in own]
            options = [o for o in dict.fromkeys(values) if values.count(o) >= LEAST]
            if len(set(values)) > 1:
                codes[decision, label] = np.array([options.index(v) if v in options else -1 for v in values])
    rng, alone = np.random.default_rng(seed), _adjusted(list(codes.values()), score_T)
    compared = zip(codes.items(), alone, strict=True)
    return least, tuple(_compared(*at, code, own_T, least, rng, chosen.get(at[1])) for (at, code), own_T in compared)


def _adjusted(codes: Sequence[NDArray[np.int64]], score_T: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """For every element the scores less what the others explain: by least squares over all options, where there are twice
    as many trials as options; else as they are. What is left of the scores is scaled to what it would be without fitting."""
    columns = [[(code == k).astype(float) for k in range(1, int(code.max(initial=0)) + 1)] for code in codes]
    count = 1 + sum(map(len, columns))
    if len(score_T) < 2 * count:
        return [score_T] * len(codes)
    x_TC = np.stack([np.ones_like(score_T), *(c for own in columns for c in own)], 1)
    weight_C = np.linalg.lstsq(x_TC, score_T, rcond=None)[0]
    left_T = (score_T - x_TC @ weight_C) * math.sqrt(len(score_T) / (len(score_T) - count))
    found, begin = [], 1
    for own in columns:
        end = begin + len(own)
        found.append(left_T + x_TC[:, begin:end] @ weight_C[begin:end])
        begin = end
    return found


def _key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _compared(
    decision: str, label: str, code_T: NDArray[np.int64], score_T: NDArray[np.float64], least: float,
    rng: np.random.Generator, value: Any,
) -> Element:  # fmt: skip
    there = code_T >= 0
    code, score = code_T[there], score_T[there]
    count = int(code.max(initial=-1)) + 1
    if count < 2:
        return Element(decision, label, "drawn", 0.0, 0.0, math.inf, 1.0, None, "cannot tell", value)
    effect, between = _spread(code, score, count)
    at_AT = rng.integers(0, len(code), (AGAIN, len(code)))
    again = [_spread(code[at], score[at], count)[0] for at in at_AT]
    low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    shuffled = [_spread(code, rng.permutation(score), count)[1] for _ in range(AGAIN)]
    chance = (1 + sum(s >= between for s in shuffled)) / (1 + AGAIN)
    verdict: Verdict = "mattered" if chance <= CHANCE else "never mattered" if high <= least else "cannot tell"
    return Element(decision, label, "drawn", effect, float(low), float(high), chance, None, verdict, value)


def _spread(code: NDArray[np.int64], score: NDArray[np.float64], count: int) -> tuple[float, float]:
    """The largest distance between means of options, and the sum of squares between them."""
    size = np.bincount(code, minlength=count)
    mean = np.bincount(code, score, minlength=count)[size > 0] / size[size > 0]
    return float(mean.max() - mean.min()), float((size[size > 0] * (mean - score.mean()) ** 2).sum())


def weighed(document: Mapping[str, Any]) -> tuple[Element, ...]:
    """Of an `architecture.json`: its choices that a relaxation has weighed. Weights of gates say how strong an interaction
    is in some relaxations and how likely in others: of them nothing is said."""
    found = []
    for entry in document["decisions"]:
        for element in entry.get("elements", ()):
            weights = element.get("weight")
            if isinstance(weights, list) and len(weights) > 1 and min(weights) >= 0 and sum(weights) > 0:
                found.append(_flat(entry["name"], element, np.array(weights) / sum(weights)))
    return tuple(found)


def _flat(decision: str, element: Mapping[str, Any], share: NDArray[np.float64]) -> Element:
    second, first = np.sort(share)[-2:]
    positive = share[share > 0]
    entropy = float(-(positive * np.log(positive)).sum() / math.log(len(share)))
    margin = float(first - second)
    verdict: Verdict = "never mattered" if margin <= FLAT else "mattered"
    return Element(
        decision, element["name"], "weighed", margin, margin, margin, None, entropy, verdict, element["value"]
    )

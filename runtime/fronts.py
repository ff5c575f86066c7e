"""What is best by several scores at once: layers of Pareto fronts, and the knee of a front. Scores: the higher the better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Scores = Sequence[float]


def dominates(one: Scores, other: Scores) -> bool:
    """Whether one is at least as good by every score and better by some."""
    return all(x >= y for x, y in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def front(scores: Sequence[Scores]) -> list[int]:
    """Those that nothing dominates, in order."""
    return [k for k, own in enumerate(scores) if not any(dominates(other, own) for other in scores)]


def layers(scores: Sequence[Scores]) -> list[int]:
    """For each the layer of its front: 0 if nothing dominates it, 1 if only the first layer does, …"""
    if not scores:
        return []
    if len(scores[0]) == 1:
        order = sorted({own[0] for own in scores}, reverse=True)
        place = {score: k for k, score in enumerate(order)}
        return [place[own[0]] for own in scores]
    found = [-1] * len(scores)
    left, layer = list(range(len(scores))), 0
    while left:
        first = {left[k] for k in front([scores[k] for k in left])}
        for k in first:
            found[k] = layer
        left, layer = [k for k in left if k not in first], layer + 1
    return found


def knee(scores: Sequence[Scores]) -> int:
    """Of a front, where giving more of one score gains least of another: the point farthest from the line (the plane)
    through the best ones of every score, all scores scaled to 0..1 over the front.

    Source: Das, "On characterizing the knee of the Pareto curve" (Structural Optimization 1999). Of equal ones the first.
    """
    points_PS = np.array(scores, dtype=np.float64)
    low, high = points_PS.min(0), points_PS.max(0)
    scaled_PS = (points_PS - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmax(scaled_PS.sum(1)))

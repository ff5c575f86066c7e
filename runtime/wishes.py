"""What is wanted of every element, when not everything that is wanted meets the requirements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.decisions import Decision
from recspace.compiler.sampler import Wish

from .choices import Option, count, domain_at


def wishes_of(
    decision: Decision, weights: Tensor | None, taken: Sequence[Option], options: Mapping[str, Any], raw: bool
) -> tuple[Wish, ...]:
    """A wish for every element: what was taken, then what weighs most. `weights`: None where nothing weighed it.

    `options` are those of `derive`; `raw`: the weights are raw gates. Elements of a decision that nothing weighed, and
    reals, have no margin: they give way first.
    """
    kind = decision.domains[0].kind
    if kind == "gate" and weights is not None:
        margins = _gate_margins(weights, taken, options, raw)
        return tuple(Wish((t, 1 - _position(t)), m) for t, m in zip(taken, margins, strict=True))
    rows = [None] * len(taken) if weights is None or kind == "real" else list(weights)
    return tuple(_wish(decision, e, option, row) for e, (option, row) in enumerate(zip(taken, rows, strict=True)))


def _gate_margins(weights_E: Tensor, taken: Sequence[Option], options: Mapping[str, Any], raw: bool) -> list[float]:
    """How far every gate is from what it is compared with: the threshold, or the last of the ranked that stayed."""
    score_E, threshold = scored(weights_E, options, raw)
    open_E = torch.tensor([t == 1 for t in taken])
    if ranks(options) and bool(open_E.any()):
        threshold = float(score_E[open_E].min())
    distance_E: Tensor = (score_E - threshold).abs() if math.isfinite(threshold) else score_E
    return distance_E.tolist()


def _wish(decision: Decision, element: int, taken: Option, weights_N: Tensor | None) -> Wish:
    if isinstance(taken, float):
        return Wish((taken,), 0.0)
    if weights_N is None:
        weights_N = torch.zeros(count(decision, domain_at(decision, element)))
    weights_N = weights_N[: count(decision, domain_at(decision, element))]
    ranked = weights_N.argsort(descending=True, stable=True).tolist()
    if isinstance(taken, tuple):
        return Wish((taken,), float((weights_N - 0.5).abs().min()), tuple(dict.fromkeys((*taken, *ranked))))
    best = weights_N.topk(min(2, len(weights_N))).values
    return Wish(tuple(dict.fromkeys((taken, *ranked))), float(best[0] - best[-1]))


def _position(option: Option) -> int:
    assert isinstance(option, int), "gates have two positions"
    return option


def ranks(options: Mapping[str, Any]) -> bool:
    return options["top"] is not None or options["keep"] is not None


def scored(weights_E: Tensor, options: Mapping[str, Any], raw: bool) -> tuple[Tensor, float]:
    """What gates are compared by, and what they have to be above to stay."""
    by_size = options["by"] == "magnitude" or (options["by"] == "auto" and raw)
    threshold = options["threshold"]
    if threshold is None:
        threshold = 0.0 if by_size else -math.inf if ranks(options) else 0.5
    return weights_E.abs() if by_size else weights_E, float(threshold)

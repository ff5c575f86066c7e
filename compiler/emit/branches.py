"""Branches as weighted sums."""

from __future__ import annotations

from ..ir import Constant, Select
from .emitter import Emitter, in_family, rank_of


def select(emitter: Emitter, key: int, node: Select) -> None:
    """Σ of weight · alternative. Labels are the positions of options; of a gate or condition 1 is on, 0 off."""
    family, rank = in_family(node), rank_of(node)
    weights = emitter.fetch(node.subject, family, full=True)
    number = emitter.values[node.subject.node].rank == 0
    axes = f"[..., {', '.join(['None'] * rank)}]" if rank else ""
    terms = []
    for option, alternative in zip(node.labels, node.alternatives, strict=True):
        source = emitter.graph[alternative.node]
        if isinstance(source, Constant) and not source.values.any():
            continue
        if number:
            weight = weights if option == 1 else f"(1 - {weights})"
        else:
            weight = f"{weights}[..., {option}]"
        terms.append(f"{weight}{axes} * {emitter.aligned(alternative, family, rank, full=True)}")
    if not terms:
        shape = ", ".join(map(str, ([len(node.index)] if family else []) + list(node.shape.fixed)))
        emitter.define(key, node, f"torch.zeros({shape or '()'})", False)
        return
    emitter.define(key, node, " + ".join(terms), emitter.batched(node.subject, *node.alternatives))
    emitter.inherit(key, node.alternatives)

"""Which way a figure is better. No torch: the commands ask, too."""

from __future__ import annotations

HIGHER = frozenset({"auc", "gauc", "accuracy", "ndcg", "recall"})
"""Figures of which more is better."""


def higher(name: str) -> bool:
    """Whether more of a figure is better: of `ndcg@20` too."""
    return name.partition("@")[0] in HIGHER

"""A tree of naive Bayes classifiers that parts what was explored into better and worse (AutoFeature, Khawar et al., CIKM 2020).

A node calls those of its members good whose score reaches a percentile of the scores in it. Its classifier learns to tell
them by the option of every element; what it takes for good goes to the one child, all else to the other, and so on while
there are enough members and both children have some.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

Row = tuple[Hashable, ...]
"""The option of every element; None where it does not exist."""


@dataclass(frozen=True, slots=True)
class Bayes:
    """Counts of options by class and element, and how many options each element has. Classes: worse and good."""

    counts: tuple[tuple[Counter[Hashable], ...], tuple[Counter[Hashable], ...]]
    totals: tuple[int, int]
    sizes: tuple[int, ...]

    def good(self, row: Row) -> bool:
        """Whether good is likelier: log P(c) + Σ_e log (n_c(option_e) + 1 / k_e) / (n_c + 1)."""
        worse, good = (self._log(c, row) for c in (0, 1))
        return good > worse

    def _log(self, c: int, row: Row) -> float:
        n = self.totals[c]
        terms = (
            math.log((own[option] + 1 / k) / (n + 1))
            for own, option, k in zip(self.counts[c], row, self.sizes, strict=True)
        )
        return math.log(n) + math.fsum(terms)


def bayes(rows: Sequence[Row], good: Sequence[bool], sizes: tuple[int, ...]) -> Bayes:
    """The classifier of some rows, of which at least one is good and one is not."""
    by_class = [[row for row, g in zip(rows, good, strict=True) if g == c] for c in (False, True)]
    counts = [tuple(Counter(row[e] for row in own) for e in range(len(sizes))) for own in by_class]
    return Bayes((counts[0], counts[1]), (len(by_class[0]), len(by_class[1])), sizes)


@dataclass(frozen=True, slots=True)
class Leaf:
    """`members`: which of what was explored."""

    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    classifier: Bayes
    good: Tree
    worse: Tree


Tree = Leaf | Node


def grown(
    rows: Sequence[Row], scores: Sequence[float], sizes: tuple[int, ...], percentile: float, least: int,
    members: tuple[int, ...] | None = None,
) -> Tree:  # fmt: skip
    """The tree of what was explored. A node of fewer than `least` members is not parted any more."""
    members = tuple(range(len(rows))) if members is None else members
    if len(members) < least:
        return Leaf(members)
    own = [scores[m] for m in members]
    threshold = float(np.percentile(own, percentile))
    good = [score >= threshold for score in own]
    if all(good):
        return Leaf(members)
    classifier = bayes([rows[m] for m in members], good, sizes)
    left = tuple(m for m in members if classifier.good(rows[m]))
    right = tuple(m for m in members if m not in set(left))
    if not left or not right:
        return Leaf(members)
    return Node(classifier, *(grown(rows, scores, sizes, percentile, least, part) for part in (left, right)))


def leaf_of(tree: Tree, row: Row) -> Leaf:
    """The leaf that a row belongs to."""
    while isinstance(tree, Node):
        tree = tree.good if tree.classifier.good(row) else tree.worse
    return tree


def leaves(tree: Tree) -> tuple[Leaf, ...]:
    """From the best to the worst, as classifiers have it."""
    return (tree,) if isinstance(tree, Leaf) else (*leaves(tree.good), *leaves(tree.worse))

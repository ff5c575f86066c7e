"""Did you mean: the nearest of the words that would have been right."""

from __future__ import annotations

from collections.abc import Iterable

LOSSES = {
    "auc": "logloss", "gauc": "logloss", "accuracy": "logloss", "acc": "logloss", "precision": "logloss",
    "recall": "logloss", "f1": "logloss", "bce": "logloss", "log_loss": "logloss", "binary_crossentropy": "logloss",
    "rmse": "mse", "mae": "mse", "squared_error": "mse", "ndcg": "bpr", "hit_rate": "bpr",
}  # fmt: skip
"""Metrics, and losses by other names, and what is minimized for them."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate with the fewest slips of the keyboard, if they are few enough for a word of that length."""
    allowed = max(1, (len(word) + 1) // 3)
    best: tuple[float, str] | None = None
    for candidate in sorted(set(candidates)):
        if not candidate or candidate == word or abs(len(candidate) - len(word)) > allowed:
            continue
        slips = distance(word.lower(), candidate.lower())
        if slips > allowed or slips >= max(len(word), len(candidate)):
            continue
        # Of equally near ones, the one that begins alike is what was meant.
        score = slips - 0.5 * (word[:1].lower() == candidate[:1].lower())
        if best is None or score < best[0]:
            best = (score, candidate)
    return best[1] if best else None


def distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words."""
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]

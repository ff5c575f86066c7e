"""Objectives of ranking: the score of a row against those of the same row with other items."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from recspace.dsl import ast

from .scopes import Env

OTHERS = ":others/"
"""`batch[":others/item"]` [B K]: what stands in the place of `item` in the alternatives; K of them for each row."""
NEGATIVES = {"bpr": 1, "softmax_loss": 16}


class Ranking:
    """The part of the evaluator that knows `bpr` and `softmax_loss`."""

    def ranking(self: Any, name: str, options: dict[str, ast.Expr], env: Env) -> np.ndarray:
        """[B], or [B] times the sample weights."""
        count = self.eval(options["negatives"], env) if "negatives" in options else NEGATIVES[name]
        rows = np.arange(len(next(iter(self.batch.values()))))
        positive = self.prediction()
        scores = np.stack([self.replaced(rows * count + k).prediction() for k in range(count)], 1)
        if name == "bpr":
            each = np.mean(
                [[-np.log(_sigmoid(p - s)) for s in row] for p, row in zip(positive, scores, strict=True)], 1
            )
        else:
            each = np.array(
                [-np.log(np.exp(p) / (np.exp(p) + np.exp(s).sum())) for p, s in zip(positive, scores, strict=True)]
            )
        return each * np.asarray(self.batch[":weight"], float) if ":weight" in self.batch else each

    def replaced(self: Any, at: np.ndarray) -> Any:
        """The same evaluator on the rows with the alternatives that stand at `at` in place of their items."""
        other = copy.copy(self)
        other.memo = {}
        other.batch = {
            key: self.batch[OTHERS + key][at] if OTHERS + key in self.batch else column
            for key, column in self.batch.items()
            if not key.startswith(OTHERS)
        }
        return other

    def call_bpr(self: Any, positional: list[Any], options: dict[str, ast.Expr], env: Env) -> np.ndarray:
        return self.ranking("bpr", options, env)

    def call_softmax_loss(self: Any, positional: list[Any], options: dict[str, ast.Expr], env: Env) -> np.ndarray:
        return self.ranking("softmax_loss", options, env)


def _sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))

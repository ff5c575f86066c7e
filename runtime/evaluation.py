"""A model's answers for many rows, and what they are worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import metrics
from .choices import Weigher
from .data.encoded import Encoded
from .examples import Examples, Task
from .figures import higher
from .module import Model
from .ranking import ranked

Figures = dict[str, float]
FIRST: Mapping[Task, str] = {"binary": "auc", "number": "rmse", "classes": "logloss", "ranking": "ndcg"}
"""The figure that a task is judged by where nothing else is said."""
OF_TASK: Mapping[Task, tuple[str, ...]] = {
    "binary": ("auc", "gauc", "logloss", "accuracy"),
    "number": ("rmse",),
    "classes": ("logloss", "accuracy"),
    "ranking": ("ndcg", "recall"),
}


@torch.no_grad()
def predicted(
    model: Model, examples: Examples, rows: Tensor, choices: Mapping[str, Tensor | Weigher], batch_rows: int
) -> NDArray[np.float64]:
    """Predictions [N] (of classes probabilities [N, C]) in the order of the rows, in evaluation mode."""
    model.module.eval()
    examples = examples.of(model.compiled.columns)
    answers = [model.module(examples.batch(part), choices, {}).cpu() for part in torch.split(rows, batch_rows)]
    return _probable(torch.cat(answers).double())


@torch.no_grad()
def answers(model: Model, encoded: Encoded, batch_rows: int = 8192) -> NDArray[np.float64]:
    """Predictions [N] (of classes probabilities [N, C]) of a plain model for all rows of a table, in their order."""
    model.module.eval()
    parts = torch.split(torch.arange(encoded.count), batch_rows)
    return _probable(torch.cat([model.module(encoded.batch(part)) for part in parts]).double())


def _probable(answers: Tensor) -> NDArray[np.float64]:
    """Of classes a model gives logits [N, C], as the loss takes them: their softmax is what is predicted."""
    found: NDArray[np.float64] = (answers.softmax(-1) if answers.dim() == 2 else answers).numpy()
    return found


def scores(
    model: Model, examples: Examples, rows: Tensor, choices: Mapping[str, Tensor | Weigher], batch_rows: int
) -> Figures:
    """Every figure of the task on the rows, which are of one part; NaN where the rows do not define it.

    Rankings may be judged on a sample of the questions: it is the report that asks all.
    """
    if examples.task == "ranking":
        return ranked(model, examples, rows, choices, batch_rows, whole=False)
    return figures_of(examples, rows, predicted(model, examples, rows, choices, batch_rows))


def figures_of(examples: Examples, rows: Tensor, prediction: NDArray[np.float64]) -> Figures:
    """Every figure of the task for predictions that were made for the rows."""
    label, weight = known(examples, rows)
    match examples.task:
        case "binary":
            figures = {
                "auc": metrics.auc(label, prediction, weight),
                "logloss": metrics.logloss(label, prediction, weight),
                "accuracy": metrics.accuracy(label, prediction, weight),
            }
            if examples.groups:
                group = examples.batch(rows)[examples.groups].cpu().numpy()
                figures["gauc"] = metrics.grouped_auc(label, prediction, group)
            return figures
        case "number":
            return {"rmse": metrics.rmse(label, prediction, weight)}
        case "classes":
            return {
                "logloss": metrics.classes_logloss(label, prediction, weight),
                "accuracy": metrics.accuracy(label, prediction, weight),
            }
        case "ranking":
            raise ValueError("rankings are judged over all items: ranked()")


def known(examples: Examples, rows: Tensor) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Labels of the rows, and their weights where there are some."""
    dense = examples.encoded.dense
    at = rows.to(examples.encoded.device)
    weight = dense[":weight"].index_select(0, at).cpu().numpy() if ":weight" in dense else None
    return dense[":label"].index_select(0, at).cpu().numpy(), weight


def metric(name: Any, examples: Examples) -> str:
    """The figure that `metric = …` means; one that the task does not have falls back to its first."""
    found = str(name) if name in OF_TASK[examples.task] else FIRST[examples.task]
    return f"{found}@{examples.top}" if examples.task == "ranking" else found


def goodness(figures: Figures, name: str) -> float:
    """One number, the higher the better; a figure that is not defined is the worst."""
    value = figures.get(name, math.nan)
    if math.isnan(value):
        return -math.inf
    return value if higher(name) else -value


def score_of(good: float | None, name: str) -> float | None:
    """Inverse of `goodness`: the figure as it is read."""
    return good if good is None or higher(name) else -good

"""How well a model ranks: Recall@K and NDCG@K over all items, those that the user has already left out.

A question is a user with a context: the test rows of one user that agree in every column that is not the item's. With
no such column besides the user it is the user, and the figures are those that LightGCN (He et al., SIGIR 2020) and
its successors report: averages over the users who have a test item. What users have among the rows before (training;
for test rows validation too) is neither recommended nor asked for again. Items and users that training does not know
cannot be ranked: such an item counts as missed, such a user is left out. Letters: Q questions, I items, K places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.compiled import Compiled

from . import metrics
from .choices import Weigher
from .examples import Examples
from .module import Model
from .negatives import contains
from .randomness import order

PLACES = 10
"""The shorter list that is always reported beside that of `top` items."""
SCORES = 2**24
"""Scores that are held at once."""
LIMITS = {True: (2**33, 2**26), False: (2**27, 2**23)}
"""Pairs of a question and an item that are scored at most, where scores are products of two sides and where the model
is applied to every pair: for the report (True), and for each decision on the way. Where there are more, questions are
drawn by the seed."""


@dataclass(frozen=True, slots=True)
class Questions:
    """`rows`, `users` [Q]: a row and the user of each question. `wanted`: sorted q (I + 1) + item; `counts` [Q]: items
    wanted of each.

    `taken`, `starts`: the items that user u has, `taken[starts[u]:starts[u + 1]]`, rising. `every`: questions before a
    sample was drawn.
    """

    rows: Tensor
    users: Tensor
    wanted: Tensor
    counts: Tensor
    taken: Tensor
    starts: Tensor
    every: int


def ranked(
    model: Model,
    examples: Examples,
    rows: Tensor,
    choices: Mapping[str, Tensor | Weigher],
    batch_rows: int,
    *,
    whole: bool,
) -> dict[str, float]:
    """recall@K and ndcg@K for K = `examples.top` and `PLACES`; NaN where nobody wants anything or a score is NaN."""
    places = sorted({min(PLACES, examples.top), examples.top}, reverse=True)
    posed = questions(examples, rows, most(examples, model.compiled, whole))
    hits = _hits(model, examples, posed, choices, batch_rows, places[0]) if posed.rows.numel() else None
    figures: dict[str, float] = {}
    for k in places:
        recall, ndcg = (float("nan"),) * 2 if hits is None else metrics.ranking(hits, posed.counts.numpy(), k)
        figures |= {f"recall@{k}": recall, f"ndcg@{k}": ndcg}
    return figures


def asked(examples: Examples, rows: Tensor, compiled: Compiled) -> dict[str, int]:
    """For the report: on how many questions a model is judged, of how many, and over how many items."""
    assert examples.catalogue is not None
    found = questions(examples, rows, most(examples, compiled, whole=True))
    return {"asked": found.rows.numel(), "of": found.every, "items": examples.catalogue.items}


def most(examples: Examples, compiled: Compiled, whole: bool) -> int:
    """How many questions are asked at most."""
    assert examples.catalogue is not None
    factored, plain = LIMITS[whole]
    return max(1, (factored if compiled.factored else plain) // max(1, examples.catalogue.items))


def questions(examples: Examples, rows: Tensor, limit: int) -> Questions:
    """What is asked about rows of one part (int64, on the CPU): at most `limit` questions, drawn where there are more."""
    catalogue = examples.catalogue
    assert catalogue is not None
    size = catalogue.items + 1
    taken = torch.unique(_pairs(examples, examples.before(rows)))
    rows = rows[catalogue.user[rows] > 0]
    number = _numbered(examples, rows)
    item = catalogue.item[rows]
    new = ~contains(taken, catalogue.user[rows] * size + item)
    rows, number, item = rows[new], number[new], item[new]
    posed = torch.unique(number)
    every = posed.numel()
    if every > limit:
        posed = posed[order(every, examples.seed, "questions", 0)[:limit]].sort().values
        among = contains(posed, number)
        rows, number, item = rows[among], number[among], item[among]
    question = torch.searchsorted(posed, number)
    row_Q = torch.full((posed.numel(),), examples.encoded.count).scatter_reduce(0, question, rows, "amin")
    wanted = torch.unique((question * size + item)[item > 0])
    count_Q = torch.bincount(wanted // size, minlength=posed.numel())
    count_Q += torch.bincount(question[item == 0], minlength=posed.numel())
    starts = torch.searchsorted(taken, torch.arange(int(catalogue.user.max()) + 2) * size)
    return Questions(row_Q, catalogue.user[row_Q], wanted, count_Q, taken % size, starts, every)


def _pairs(examples: Examples, rows: Tensor) -> Tensor:
    """user (I + 1) + item of the rows whose item is known."""
    catalogue = examples.catalogue
    assert catalogue is not None
    rows = rows[catalogue.item[rows] > 0]
    return catalogue.user[rows] * (catalogue.items + 1) + catalogue.item[rows]


def _numbered(examples: Examples, rows: Tensor) -> Tensor:
    """A number for every row, the same where the user and all that is not the item's agree."""
    catalogue = examples.catalogue
    assert catalogue is not None
    number = catalogue.user[rows]
    batch = examples.batch(rows)
    columns = [batch[key].cpu() for key in catalogue.own]
    columns += [torch.from_numpy(ids)[rows] for c in catalogue.crossings for ids, mine in c.parts if not mine]
    for column in columns:
        for one in column.unsqueeze(-1).flatten(1).unbind(1):
            value = torch.unique(one, return_inverse=True)[1]
            number = torch.unique(number * (int(value.max()) + 1 if value.numel() else 1) + value, return_inverse=True)[
                1
            ]
    return number


@torch.no_grad()
def _hits(
    model: Model,
    examples: Examples,
    posed: Questions,
    choices: Mapping[str, Tensor | Weigher],
    batch_rows: int,
    places: int,
) -> NDArray[np.bool_] | None:
    """Whether what stands on each place is wanted: [Q, places]. None where a score is NaN."""
    catalogue = examples.catalogue
    assert catalogue is not None
    model.module.eval()
    # Equal scores stand in the order of the columns: one drawn by the seed, since ids go by how frequent items are.
    item_I = order(catalogue.items, examples.seed, "items", 0) + 1
    scoring = _factored if model.compiled.factored else _applied
    score = scoring(model, examples, choices, item_I, batch_rows)
    column_of = torch.empty(catalogue.items + 1, dtype=torch.long)
    column_of[item_I] = torch.arange(catalogue.items)
    found = []
    for at in torch.split(torch.arange(posed.rows.numel()), max(1, SCORES // catalogue.items)):
        score_QI = score(posed.rows[at]).float()
        question, item = _seen(posed, at)
        score_QI[question.to(score_QI.device), column_of[item].to(score_QI.device)] = -torch.inf
        value, column = score_QI.topk(min(places, catalogue.items), dim=1)
        if bool(value.isnan().any()):
            return None
        top = item_I[column.cpu()]
        found.append(contains(posed.wanted, at.unsqueeze(1) * (catalogue.items + 1) + top))
    return torch.cat(found).numpy()


def _seen(posed: Questions, at: Tensor) -> tuple[Tensor, Tensor]:
    """For questions that follow each other, every item that the user has: its question, counted from the first; the item."""
    start, end = posed.starts[posed.users[at]], posed.starts[posed.users[at] + 1]
    question = torch.repeat_interleave(torch.arange(at.numel()), end - start)
    first = torch.cumsum(end - start, 0) - (end - start)
    return question, posed.taken[start[question] + torch.arange(question.numel()) - first[question]]


Score = Callable[[Tensor], Tensor]
"""From rows of questions [Q] to the scores of all items [Q, I], in the order of the columns."""


def _factored(
    model: Model, examples: Examples, choices: Mapping[str, Tensor | Weigher], item_I: Tensor, batch_rows: int
) -> Score:
    """Each side once: a product of two matrices gives all scores."""
    catalogue = examples.catalogue
    assert catalogue is not None

    def side(rows: Tensor, which: int) -> Tensor:
        parts = [model.factors(examples.batch(part), choices)[which] for part in torch.split(rows, batch_rows)]
        return torch.cat(parts)

    item_IR = side(catalogue.row_of[item_I - 1], 1)
    return lambda rows: side(rows, 0) @ item_IR.T


def _applied(
    model: Model, examples: Examples, choices: Mapping[str, Tensor | Weigher], item_I: Tensor, batch_rows: int
) -> Score:
    """The model on every pair of a question and an item."""
    catalogue = examples.catalogue
    assert catalogue is not None

    def score(rows: Tensor) -> Tensor:
        every = rows.repeat_interleave(item_I.numel())
        items = item_I.repeat(rows.numel())
        found = [
            model.module(catalogue.pairs(examples.encoded, one, of), choices, {})
            for one, of in zip(torch.split(every, batch_rows), torch.split(items, batch_rows), strict=True)
        ]
        return torch.cat(found).view(rows.numel(), -1)

    return score

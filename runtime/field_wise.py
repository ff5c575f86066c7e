"""Field-wise logistic regression (AutoCross, Luo et al., KDD 2019, section 4.2): a column is judged by the weights that it
would have if everything else were held.

    P(y = 1 | x) = sigmoid(w[x] + z),    z: the logits of the present model, w: one weight a value of the column

A row has one value, so the weights do not meet: each is a regression of one number, and a few Newton steps take all of
them to their optimum, many columns at once. Letters: K columns, R rows, C cells (the values of all columns, end to end).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from recspace.compiler.schema import Column
from recspace.dsl.diagnostics import SpaceError

from .evaluation import goodness
from .examples import Examples
from .metrics import auc, logloss
from .randomness import order

RIDGE = 1.0
"""Every weight is held to 0 as by a normal prior of variance 1: what few rows say counts for little."""
NEWTON = 6
LARGEST = 2.0
"""The longest step: far from its optimum a logistic curve is flat, and Newton's step too long."""
TOGETHER = 2**22
"""Entries of a table [K, R] at a time, and the most cells that a column may have without being numbered anew."""


@torch.no_grad()
def learned(cell_KR: Tensor, cells: int, label_R: Tensor, logit_R: Tensor, weight_R: Tensor) -> Tensor:
    """w [C]: maximises Σ over rows of weight · log P(y) − ridge · w² / 2, for each cell apart. float64."""
    flat = cell_KR.reshape(-1)
    w_C = torch.zeros(cells, dtype=torch.float64, device=label_R.device)
    for _ in range(NEWTON):
        p_KR = torch.sigmoid(logit_R + w_C[cell_KR])
        slope_C = (-RIDGE * w_C).index_add(0, flat, (weight_R * (label_R - p_KR)).reshape(-1))
        curve_C = torch.full_like(w_C, RIDGE).index_add(0, flat, (weight_R * p_KR * (1 - p_KR)).reshape(-1))
        w_C += (slope_C / curve_C).clamp(-LARGEST, LARGEST)
    return w_C


def parts(column: Column) -> tuple[Column, ...]:
    """The columns whose combinations are the values of a column; itself, where only its encoder can number them."""
    if column.what != "cross" or column.rows or column.min_count > 1:
        return (column,)
    bins = column.bins or (0,) * len(column.fields)
    return tuple(
        Column("bucket", (f,), (b,)) if b else Column("id", (f,)) for f, b in zip(column.fields, bins, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """Columns on the rows of a run. `batches`: into how many mini-batches the training rows are divided, in an order
    drawn from (seed, stage); `metric`: auc or logloss on validation rows.
    """

    examples: Examples
    batches: int
    metric: str
    seed: int
    stage: str
    _sizes: dict[str, int] = field(default_factory=dict)

    def readable(self, column: Column) -> bool:
        """Whether an example has one value there: several values and vectors are not crossed."""
        try:
            for part in parts(column):
                self._size(part)
        except SpaceError:
            return False
        return all(self._size(part) for part in parts(column))

    @property
    def everything(self) -> Tensor:
        """Training rows in the order of the mini-batches, then validation rows."""
        return torch.cat([self._shuffled, self.examples.valid])

    @property
    def _shuffled(self) -> Tensor:
        rows = self.examples.train
        return rows[order(rows.numel(), self.seed, self.stage, 0)]

    def scores(self, columns: Sequence[tuple[Column, Tensor]], seen: int) -> list[float]:
        """How good each column is, the higher the better, its weights learned on the first `seen` mini-batches.

        A column comes with the logits [training + validation rows] of the model that it would join.
        """
        n = self.rows_of(seen)
        train, valid = self._shuffled[:n], self.examples.valid
        rows = torch.cat([train, valid])
        label_R, weight_R = self._labels(rows)
        together = max(1, TOGETHER // max(rows.numel(), 1))
        found: list[float] = []
        for start in range(0, len(columns), together):
            some = columns[start : start + together]
            logit_KR = torch.stack([torch.cat([z[:n], z[self.examples.train.numel() :]]) for _, z in some]).double()
            cell_KR, cells = self._cells([c for c, _ in some], rows)
            w_C = learned(cell_KR[:, :n], cells, label_R[:n], logit_KR[:, :n], weight_R[:n])
            # float32, as in `joined`: what is equal but for rounding is a tie.
            answer_KV = (logit_KR[:, n:] + w_C[cell_KR[:, n:]]).float()
            found += [self.goodness(z_V, label_R[n:], weight_R[n:]) for z_V in answer_KV]
        return found

    def joined(self, column: Column, logit_R: Tensor) -> Tensor:
        """The logits [training + validation rows] with those of a column, learned on all training rows. float32."""
        rows, n = self.everything, self.examples.train.numel()
        label_R, weight_R = self._labels(rows)
        cell_KR, cells = self._cells([column], rows)
        logit = logit_R.double()
        w_C = learned(cell_KR[:, :n], cells, label_R[:n], logit[:n], weight_R[:n])
        return (logit + w_C[cell_KR[0]]).float()

    def odds(self) -> Tensor:
        """The logits [training + validation rows] of a model that knows the share of positives alone. float32."""
        rows, n = self.everything, self.examples.train.numel()
        label_R, weight_R = self._labels(rows)
        share = float((label_R[:n] * weight_R[:n]).sum() / weight_R[:n].sum())
        return torch.full((rows.numel(),), math.log(share / (1 - share)), device=label_R.device)

    def goodness(self, logit_V: Tensor, label_V: Tensor, weight_V: Tensor) -> float:
        logit, label, weight = (t.cpu().numpy() for t in (logit_V, label_V, weight_V))
        if self.metric == "logloss":
            figure = logloss(label, torch.sigmoid(logit_V).cpu().numpy(), weight)
        else:
            figure = auc(label, logit, weight)
        return goodness({self.metric: figure}, self.metric)

    def worth(self, logit_R: Tensor) -> float:
        """How good logits are on validation rows."""
        label_V, weight_V = self._labels(self.examples.valid)
        return self.goodness(logit_R[self.examples.train.numel() :], label_V, weight_V)

    def rows_of(self, seen: int) -> int:
        """Training rows in the first mini-batches."""
        return math.ceil(self.examples.train.numel() * seen / self.batches)

    def _labels(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.examples.encoded
        at = rows.to(encoded.device)
        label_R = encoded.dense[":label"].index_select(0, at).double()
        weight = encoded.dense.get(":weight")
        return label_R, torch.ones_like(label_R) if weight is None else weight.index_select(0, at).double()

    def _size(self, column: Column) -> int:
        """Values of a column, the unknown one counted; 0 where an example has several."""
        if column.key not in self._sizes:
            ids_N = self.examples.of([column]).encoded.single(column.key)
            self._sizes[column.key] = 0 if ids_N is None else int(ids_N.max()) + 1
        return self._sizes[column.key]

    def _cells(self, columns: Sequence[Column], rows: Tensor) -> tuple[Tensor, int]:
        """The cell [K, R] of each column in each row, and how many there are. Columns do not share cells."""
        at, held = rows.to(self.examples.encoded.device), dict[str, Tensor]()
        found, cells = [], 0
        for column in columns:
            code_R, size = self._codes(column, at, held)
            if size > TOGETHER // 4:
                code_R = torch.unique(code_R, return_inverse=True)[1]
                size = int(code_R.max()) + 1
            found.append(code_R + cells)
            cells += size
        return torch.stack(found), cells

    def _codes(self, column: Column, at: Tensor, held: dict[str, Tensor]) -> tuple[Tensor, int]:
        """Its values in mixed radix: (a, b) is a · |b| + b."""
        code_R, size = torch.zeros_like(at), 1
        for part in parts(column):
            own = self._size(part)
            if size > 2**62 // own:  # more combinations than numbers: those that occur are numbered anew
                code_R = torch.unique(code_R, return_inverse=True)[1]
                size = int(code_R.max()) + 1
            if part.key not in held:
                ids_N = self.examples.of([part]).encoded.single(part.key)
                assert ids_N is not None, "it is readable"
                held[part.key] = ids_N.index_select(0, at).long()
            code_R, size = code_R * own + held[part.key], size * own
        return code_R, size


def halvings(candidates: int, width: int, batches: int) -> int:
    """Rounds until `width` candidates are left, half of them going in each; no more than there are mini-batches."""
    return max(1, min(batches, math.ceil(math.log2(max(candidates, 1) / max(width, 1))) if candidates > width else 1))


def seen_by(round_: int, rounds: int, batches: int) -> int:
    """Mini-batches seen by the end of a round (1 … rounds): twice as many as in the one before, all in the last."""
    return min(batches, max(round_, round(batches * 2.0 ** (round_ - rounds))))

"""The figures of training rows that the compiler asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .encoding import CrossKey, Encoding, Lists, Rows
from .faults import fault
from .numbers import Buckets, find_edges, fit_buckets
from .vocabulary import Vocabulary, cross_counts

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingStatistics:
    """`Statistics` of the bound rows. What was counted once is kept."""

    encoding: Encoding = field(repr=False)
    rows: Rows = field(repr=False)
    train: NDArray[np.int64] = field(repr=False)
    _buckets: dict[tuple[str, int], Buckets] = field(default_factory=dict, repr=False)
    _crosses: dict[tuple[CrossKey, int], int] = field(default_factory=dict, repr=False)

    def counts(self, field: str) -> Counts:
        """Training count of each id [cardinality]; elements of lists are counted, not rows."""
        encoder = self.encoding.encoders[field]
        if isinstance(encoder, (Vocabulary, Buckets)):
            return encoder.counts
        if isinstance(encoder, Lists):
            if self.encoding.kind(field).of:
                ids = self.rows.lists[field].take(self.train)
                return np.bincount(ids, minlength=len(encoder.vocabulary) + 1)[1:].astype(np.int64)
            return encoder.vocabulary.counts
        return np.array([self.train.size], np.int64)

    def bucket_cardinality(self, field: str, bins: int) -> int:
        return len(self._bucket(field, bins))

    def cross_cardinality(self, fields: tuple[str, ...], min_count: int, bins: tuple[int, ...]) -> int:
        key = (fields, bins or (0,) * len(fields))
        if (key, min_count) not in self._crosses:
            parts = [
                self._bucket(f, b).ids(self.rows.numbers[f][self.train])
                if b
                else self.encoding.single_ids(self.rows, f, 0)[self.train]
                for f, b in zip(*key, strict=True)
            ]
            self._crosses[key, min_count] = int((cross_counts(parts) >= min_count).sum())
        return self._crosses[key, min_count]

    def _bucket(self, name: str, bins: int) -> Buckets:
        if (name, bins) not in self._buckets:
            self._buckets[name, bins] = quantile_buckets(self.rows, name, bins, self.train)
        return self._buckets[name, bins]


def quantile_buckets(rows: Rows, name: str, bins: int, train: NDArray[np.int64]) -> Buckets:
    """`bucket(name, bins)`: quantiles of the training rows. Raises SpaceError S0531 if the field is no number."""
    if name not in rows.numbers:
        raise fault("S0531", f"`{name}` is no number, so it has no buckets")
    x_N = rows.numbers[name][train]
    return fit_buckets(x_N, find_edges(x_N, bins, "quantile", None))

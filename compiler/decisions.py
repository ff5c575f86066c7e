"""The decision table: all that a strategy is told of a space. It never sees the model, nor the model the strategy."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DomainKind = Literal["gate", "number", "name", "alternative", "range", "real", "subset"]
Choice = str | int | float
Key = tuple[Choice, ...]
ANY_VALUE = "·"
"""Stands in the key of a row for the value, where a row stands for all values of a field."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What one element of a decision may be.

    gate         options ("off", "on")
    number       an ordered grid of numbers, in the order of the text
    name         labels
    alternative  labels of `choose d { label: … }`
    range        whole numbers a..b (options holds all of them up to 10⁴, else only `low` and `high` say)
    real         low..high, `log` for a logarithmic scale; no options
    subset       sets of `low`..`high` members out of `options` (labels of the members)
    """

    kind: DomainKind
    options: tuple[Choice, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False

    @property
    def unseen(self) -> int:
        """The option of a value that training did not have: off, the smallest number, the first name."""
        if self.kind not in ("number", "range"):
            return 0
        return min(range(len(self.options)), key=lambda k: self.options[k])


@dataclass(frozen=True, slots=True)
class Ranks:
    """A rank that is searched: of group g it is what element `elements[g]` of the decision `decision` takes, whose options
    stand for `options[g]`. Rank n counts the first n terms: a smaller one is a part of each larger one."""

    decision: str
    elements: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """Logits from shared factors (PROFIT, NeurIPS 2021): element s of group g has the logit Σ_r Π_{f in s} β^{g,r}_f.

    rank      R, the number of terms; where it is searched the largest
    members   labels of what the sets are made of: the last axis of the factors β [groups, R, members]
    sets      for every element the positions of its members, in the order of its set
    groups    keys of the other binders: each has factors of its own
    group_of  for every element its group
    ranks     of a rank that is searched, else None
    """

    rank: int
    members: tuple[Choice, ...]
    sets: tuple[tuple[int, ...], ...]
    groups: tuple[Key, ...]
    group_of: tuple[int, ...]
    ranks: Ranks | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One indexed decision.

    name       as in reports and `--fix`: `keep`, `deep#2.units`
    axes       how it is indexed, as text: `i < j in fields`
    elements   how many decisions it stands for (exact; may be huge where it is indexed by values)
    keys       the index of every element, in order; None where it is indexed by values of a field (see `per_value`)
    domains    the distinct domains; `domain_of[k]` is element k's (empty: all have the first)
    defaults   for every element the hand-made model's option (position in its domain's options; for a subset the tuple
               of positions); one entry serves all
    given      none; "data": logits from statistics; "example": logits from the example at hand; "objective"
    prior      whether samples are restricted by a prior
    factors    of `factored symmetric(rank = R)`, else None
    conditional whether some assignments do without it
    per_value  the field by whose values it is indexed, else ""
    counts     of a decision indexed by values: how many elements every one of its rows in the graph stands for
    rows       of a decision indexed by values: the key of every row, with ANY_VALUE in the place of the value
    """

    name: str
    axes: tuple[str, ...]
    elements: int
    keys: tuple[Key, ...] | None
    domains: tuple[Domain, ...]
    domain_of: tuple[int, ...] = ()
    defaults: tuple[int | tuple[int, ...] | float, ...] = (0,)
    given: Literal["", "data", "example", "objective"] = ""
    prior: bool = False
    factors: Factors | None = None
    conditional: bool = False
    per_value: str = ""
    counts: tuple[int, ...] = ()
    rows: tuple[Key, ...] = ()

    @property
    def rank(self) -> int:
        """Of the factors of its logits; 0 where these are free."""
        return self.factors.rank if self.factors is not None else 0

    def domain(self, element: int) -> Domain:
        return self.domains[self.domain_of[element] if self.domain_of else 0]

    def default(self, element: int) -> int | tuple[int, ...] | float:
        return self.defaults[element if len(self.defaults) > 1 else 0]

    @property
    def packed(self) -> bool:
        """Whether its options are bytes (see `Architecture`): gates, of which there may be very many."""
        return bool(self.per_value) and all(domain.kind == "gate" for domain in self.domains)

    @property
    def hand_made(self) -> Options:
        """The option of every element in the hand-made model."""
        if self.packed:
            rows = [int(self.default(row)) for row in range(len(self.counts))]  # type: ignore[arg-type]
            return packed(np.repeat(np.array(rows, dtype=np.uint8) == 1, self.counts))
        if self.per_value:
            return tuple(self.default(row) for row, count in enumerate(self.counts) for _ in range(count))
        return tuple(self.default(element) for element in range(self.elements))

    def key(self, element: int) -> Key:
        """The index of an element; a value of a field by its id, from 1."""
        if self.keys is not None:
            return self.keys[element]
        if not self.rows:
            return (element,)
        ends = list(accumulate(self.counts))
        row = bisect_right(ends, element)
        value = element - ends[row] + self.counts[row] + 1
        return tuple(value if part == ANY_VALUE else part for part in self.rows[row])

    def every_key(self) -> tuple[Key, ...]:
        """The index of all elements, in order."""
        if self.keys is not None:
            return self.keys
        if not self.rows:
            return tuple((element,) for element in range(self.elements))
        return tuple(
            tuple(value if part == ANY_VALUE else part for part in row)
            for row, count in zip(self.rows, self.counts, strict=True)
            for value in range(1, count + 1)
        )

    def label(self, element: int) -> str:
        """`keep[user,item]`, as reports print it and `--fix` takes it."""
        key = self.key(element)
        return self.name + (f"[{','.join(map(str, key))}]" if key else "")


def rank_names(decisions: Iterable[Decision]) -> frozenset[str]:
    """The decisions that are the rank of another one's logits."""
    return frozenset(
        d.factors.ranks.decision for d in decisions if d.factors is not None and d.factors.ranks is not None
    )


# An architecture: for every decision, for every element, the position of the option taken (a tuple of positions for a
# subset, the number itself for a real). Elements that do not exist hold any value.
Options = tuple[int | tuple[int, ...] | float, ...] | bytes
"""Of gates that are decided for every value, bytes: one for each element, 0 or 1."""
Architecture = Mapping[str, Options]


def opened(options: Sequence[int | tuple[int, ...] | float]) -> NDArray[np.bool_]:
    """Which gates are on [elements]."""
    if isinstance(options, bytes):
        on: NDArray[np.bool_] = np.frombuffer(options, dtype=np.uint8) == 1
        return on
    return np.array([option == 1 for option in options], dtype=bool)


def packed(on: NDArray[np.bool_]) -> bytes:
    """Inverse of `opened`."""
    return on.astype(np.uint8).tobytes()


def smallest(decision: Decision, options: Sequence[int | tuple[int, ...] | float]) -> NDArray[np.generic]:
    """Options of a decision in as few bytes as hold them: of gates whether they are on, else their positions."""
    (domain, *_) = decision.domains
    if domain.kind == "gate":
        return opened(options)
    return np.array(options, dtype=np.uint8 if len(domain.options) <= 256 else np.int32)

"""A finished model that another one goes on from: what it has learned stays, and what is new joins by a rule.

A value that is new starts as the unknown value stands (or, if asked, at the mean of the values that are known): so nothing changes in what
was predicted before, until it is trained on. A field that is new starts with vectors of 0, and what reads them at its own start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision, Options, opened, packed

from .module import Identity, Model, identity, put, region, whole

Rule = Literal["unknown", "mean"]


@dataclass(frozen=True, slots=True)
class Base:
    """`architecture`: for the decisions of the new space. `compiled`, `tensors`: of the finished model."""

    architecture: Architecture
    compiled: Compiled
    tensors: Mapping[str, Tensor]
    rule: Rule = "unknown"


@torch.no_grad()
def join(base: Base, model: Model) -> tuple[Identity, ...]:
    """Give a model at its start what the base has learned; what the base does not have joins. What is new, by name."""
    known = {identity(part): (stored.attribute, part) for stored in base.compiled.tensors for part in stored.slices}
    new = []
    for stored in (t for t in model.compiled.tensors if t.settled is None):
        own = model.tensors[stored.attribute]
        for part in stored.slices:
            found = known.get(identity(part))
            if found is not None:
                learned = whole(base.tensors[found[0]], found[1])
                size = part.kept.shape if part.kept is not None else region(own, part).shape
                put(own, part, learned if learned.shape == size else _grown(learned, size[0], base.rule))
                continue
            new.append(identity(part))
            if stored.embedding:
                put(own, part, torch.zeros(part.kept.shape if part.kept is not None else region(own, part).shape))
    return tuple(new)


def _grown(table_Vn: Tensor, rows: int, rule: Rule) -> Tensor:
    """A table with more rows: those that are new as the unknown value, the first row, or as the mean of the others."""
    start = table_Vn[1:].mean(0) if rule == "mean" and len(table_Vn) > 1 else table_Vn[0]
    return torch.cat([table_Vn, start.expand(rows - len(table_Vn), *start.shape)])


def extended(
    decisions: Sequence[Decision], before: Sequence[Decision], architecture: Mapping[str, Options]
) -> dict[str, Options]:
    """The options of a finished model for the decisions of the same space on more fields and values. What it has no option
    for has that of the hand-made model; a choice for a value that is new that of a value never seen."""
    known = {d.name: d for d in before}
    return {d.name: _options(d, known.get(d.name), architecture.get(d.name, ())) for d in decisions}


def _options(decision: Decision, before: Decision | None, options: Options) -> Options:
    if before is None or not len(options):
        return decision.hand_made
    if not decision.per_value:
        old = dict(zip(before.every_key(), options, strict=True))
        return tuple(old.get(key, decision.default(e)) for e, key in enumerate(decision.every_key()))
    listed = opened(options).astype(int).tolist() if isinstance(options, bytes) else list(options)
    starts, at = dict[tuple[object, ...], tuple[int, int]](), 0
    for row, count in zip(before.rows, before.counts, strict=True):
        starts[row], at = (at, count), at + count
    found: list[Any] = []
    for k, (row, count) in enumerate(zip(decision.rows, decision.counts, strict=True)):
        at, had = starts.get(row, (0, 0))
        gate = decision.domains[0].kind == "gate"
        joined = decision.default(k) if gate or row not in starts else decision.domains[0].unseen
        found += [*listed[at : at + had], *([joined] * (count - had))]
    return packed(torch.tensor(found).numpy() == 1) if decision.packed else tuple(found)

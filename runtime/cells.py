"""The numbers of tables that the gates of a decision multiply, as tensors (`compiler/gated.py`). E gates, P numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import ANY_VALUE, Decision
from recspace.compiler.gated import Gates
from recspace.compiler.passes.keep import Place

from .references import binders

TINY = 1e-16
"""Beside a square, so that a root has a slope at zero."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a stored table: all values of a field. `elements` [rows − 1, width]: the gate of every number."""

    attribute: str
    begin: int
    end: int
    place: Place
    elements: Tensor


class Cells:
    """What one decision gates in a model."""

    def __init__(self, compiled: Compiled, decision: Decision, device: torch.device) -> None:
        self.decision, self.device = decision, device
        self.parts = tuple(
            Part(t.attribute, s.box[0][0] + 1, s.box[0][1], (s.layer, s.key), self._elements(s.gates, s.box))
            for t in compiled.tensors
            for s in t.slices
            if isinstance(s.gates, Gates) and s.gates.decision == decision.name and s.kept is None
        )
        sizes = [p.elements.numel() for p in self.parts]
        self.element_P = torch.cat([p.elements.flatten() for p in self.parts]) if sizes else torch.zeros(0).long()
        counted_E = torch.zeros(decision.elements).index_add(0, self.element_P, torch.ones(sum(sizes)))
        self.most = int(counted_E.max()) if decision.elements else 0
        # Where the number of a gate stands among all of them; one place more, of a 0, for gates that multiply none.
        at_E = torch.full((decision.elements,), sum(sizes))
        at_E[self.element_P] = torch.arange(sum(sizes))
        self._at_E, self._element_P = at_E.to(device), self.element_P.to(device)

    def _elements(self, gates: Gates, box: tuple[tuple[int, int], ...]) -> Tensor:
        (begin, end), (_, width) = box
        return torch.from_numpy(gates.elements(end - begin, width))

    def _numbers(self, tensors: Mapping[str, Tensor]) -> list[Tensor]:
        return [tensors[p.attribute][p.begin : p.end].flatten() for p in self.parts]

    def gated(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The number that every gate multiplies, of gates that multiply one each: [E]."""
        numbers = self._numbers(tensors)
        return torch.cat([*numbers, torch.zeros(1, device=self.device)]).index_select(0, self._at_E)

    def norms(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The Euclidean norm of the numbers that every gate multiplies: [E]."""
        squares_P = torch.cat(self._numbers(tensors)).square()
        found = torch.zeros(self.decision.elements, device=self.device).index_add(0, self._element_P, squares_P)
        return (found + TINY).sqrt()

    def counts(self, places: frozenset[Place]) -> Tensor:
        """How many numbers of some tables every gate multiplies: int64 [E]."""
        own = [p.elements.flatten() for p in self.parts if p.place in places]
        found = torch.zeros(self.decision.elements, dtype=torch.long)
        return found.index_add(0, torch.cat(own), torch.ones(sum(map(len, own))).long()) if own else found


def grouped(decision: Decision, granularity: str) -> tuple[Tensor, int]:
    """The group of every gate [E], and how many groups there are.

    global    all gates               field      those of a field
    value     those of a value        dimension  those of a place along the other binders, of all fields
    both      every gate by itself
    """
    names = binders(decision)
    value = decision.rows[0].index(ANY_VALUE)
    of = re.search(r"values\(\s*(\w+)\s*\)", " ".join(decision.axes))
    field = names.index(of[1]) if of is not None and of[1] in names else None
    fields = [row[field] if field is not None else "" for row in decision.rows]
    others = [tuple(p for k, p in enumerate(row) if k not in (value, field)) for row in decision.rows]
    counts = np.array(decision.counts)
    match granularity:
        case "global":
            group_E = np.zeros(decision.elements, dtype=np.int64)
        case "field":
            group_E = np.repeat(_numbered(fields), counts)
        case "dimension":
            group_E = np.repeat(_numbered(others), counts)
        case "value":
            size = dict(zip(fields, decision.counts, strict=True))
            starts = dict(zip(size, np.cumsum([0, *size.values()]), strict=False))
            group_E = np.concatenate([starts[f] + np.arange(n) for f, n in zip(fields, decision.counts, strict=True)])
        case _:
            group_E = np.arange(decision.elements)
    return torch.from_numpy(group_E), int(group_E.max(initial=-1)) + 1


def _numbered(parts: Sequence[object]) -> np.ndarray:
    order = {part: k for k, part in enumerate(dict.fromkeys(parts))}
    return np.array([order[part] for part in parts], dtype=np.int64)

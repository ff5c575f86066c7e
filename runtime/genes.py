"""Architectures as arrays of numbers, for samplers that move them: one array for every decision, fixed elements left out.

A gene is an element of a decision (of a set: each of its members). Genes of one decision stand in one array: whole numbers,
0 to `count − 1`, or numbers of 0..1 for reals. A gene of a number or a range rises with its value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recspace.compiler.decisions import Architecture, Decision, Domain

from .choices import Fixed, Option
from .choices import count as options_of

Array = NDArray[Any]
Vector = dict[str, Array]
"""Genes by decision: int64, float64 for reals."""
APART, FEW = 48, 16
"""Genes above which a space is taken to have many, and of those decisions that stay apart even so."""


@dataclass(frozen=True, slots=True)
class Family:
    """The genes of one decision [G]. `elements`, `members`: where each stands (member −1 where it is no set's).

    `counts`: how many options each has, 0 for a real. `ordered`: whether options rise. `ranks`: for every domain the
    positions of its options in the order of the genes, None where that is the order of the text. `grouped`: sampled as
    one, not gene by gene.
    """

    decision: Decision
    elements: Array
    members: Array
    counts: Array
    ordered: bool
    ranks: tuple[Array | None, ...]
    grouped: bool

    @property
    def name(self) -> str:
        return self.decision.name

    @property
    def real(self) -> bool:
        return self.decision.domains[0].kind == "real"


class Genes:
    """What is open to a sampler. `families` are those with anything to choose."""

    def __init__(self, decisions: Sequence[Decision], fixed: Fixed) -> None:
        self._decisions = tuple(decisions)
        open_to = [family for d in decisions if (family := _family(d, fixed, False)) is not None]
        many = sum(len(f.counts) for f in open_to) > APART
        self.families = tuple(
            _family(f.decision, fixed, many and not f.real and len(f.counts) > FEW) or f for f in open_to
        )

    def read(self, architecture: Architecture) -> Vector:
        """The genes of an architecture."""
        return {f.name: _read(f, architecture[f.name]) for f in self.families}

    def wish(self, genes: Vector, rest: Architecture) -> Architecture:
        """The architecture that genes stand for; sets may have too few members or too many. `rest`: everything else."""
        return {
            d.name: _written(f, genes[f.name], rest[d.name]) if (f := self._of(d.name)) is not None else rest[d.name]
            for d in self._decisions
        }

    def alive(self, exists: Mapping[str, Sequence[bool]]) -> Vector:
        """Which genes exist [G], of every decision."""
        return {f.name: np.array(exists[f.name], dtype=bool)[f.elements] for f in self.families}

    def _of(self, name: str) -> Family | None:
        return next((f for f in self.families if f.name == name), None)


def _family(decision: Decision, fixed: Fixed, grouped: bool) -> Family | None:
    """None where all is fixed, or there is one option alone."""
    settled = fixed.options.get(decision.name, {})
    elements: list[int] = []
    members: list[int] = []
    counts: list[int] = []
    for element in range(decision.elements):
        domain = decision.domain(element)
        if element in settled:
            continue
        if domain.kind == "subset":
            size = len(domain.options)
            elements += [element] * size
            members += range(size)
            counts += [2] * size
        elif domain.kind == "real" or _options(decision, element) > 1:
            elements.append(element)
            members.append(-1)
            counts.append(0 if domain.kind == "real" else _options(decision, element))
    if not elements:
        return None
    ordered = decision.domains[0].kind in ("number", "range", "real")
    ranks = tuple(_ranks(domain) for domain in decision.domains)
    return Family(decision, np.array(elements), np.array(members), np.array(counts), ordered, ranks, grouped)


def _options(decision: Decision, element: int) -> int:
    return options_of(decision, decision.domain_of[element] if decision.domain_of else 0)


def _ranks(domain: Domain) -> Array | None:
    """Positions of a grid's options, the smallest value first."""
    if domain.kind != "number":
        return None
    order = sorted(range(len(domain.options)), key=lambda k: domain.options[k])
    return None if order == list(range(len(order))) else np.array(order)


def _read(family: Family, options: Sequence[Option]) -> Array:
    decision = family.decision
    if family.real:
        return np.array([share(decision.domain(e), float(options[e])) for e in family.elements.tolist()])
    found = []
    for element, member in zip(family.elements.tolist(), family.members.tolist(), strict=True):
        option: Any = options[element]
        ranks = family.ranks[decision.domain_of[element] if decision.domain_of else 0]
        if member >= 0:
            found.append(int(member in option))
        else:
            found.append(int(option) if ranks is None else int(np.flatnonzero(ranks == option)[0]))
    return np.array(found, dtype=np.int64)


def _written(family: Family, genes: Array, rest: Sequence[Option]) -> tuple[Option, ...]:
    decision, found = family.decision, list(rest)
    for element in {e for e, m in zip(family.elements.tolist(), family.members.tolist(), strict=True) if m >= 0}:
        found[element] = ()
    for element, member, gene in zip(family.elements.tolist(), family.members.tolist(), genes.tolist(), strict=True):
        ranks = family.ranks[decision.domain_of[element] if decision.domain_of else 0]
        if family.real:
            found[element] = number(decision.domain(element), gene)
        elif member >= 0:
            found[element] = (*found[element], member) if gene else found[element]
        else:
            found[element] = int(gene) if ranks is None else int(ranks[gene])
    return tuple(found)


def share(domain: Domain, number: float) -> float:
    """Where a real lies between the ends of its domain, 0 to 1, on a logarithmic scale if the domain has one."""
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    own = math.log(number) if domain.log else number
    return (own - low) / (high - low) if high > low else 0.0


def number(domain: Domain, share: float) -> float:
    """Inverse of `share`; never beyond the ends."""
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    own = low + (high - low) * float(share)
    return min(max(math.exp(own) if domain.log else own, domain.low), domain.high)

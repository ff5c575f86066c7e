"""A graph's decisions as a counting problem: variables, constraints, and what stands apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import comb

import numpy as np

from ..decisions import Decision, Domain
from ..evaluate import copies_of
from ..ir import Cost, DecisionNode, Graph, Input, IntArray, Learned, Node, Output
from .forms import Constraint

LARGEST = 100_000
"""Options of one element that a condition may read; beyond that it is not spelled out."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A decision element that conditions read, or a bundle of elements that exist together.

    `weights`: how many assignments each state stands for; a last state is there where it may not exist (`conditional`).
    `copies`: it stands for so many elements, one for each value of `field`, that look alike. `decision`, `element`:
    where it comes from; `part`: a member of a subset (its position) or the members that nobody reads (−1).
    `bundle`: the elements of a bundle.
    """

    decision: str
    element: int
    weights: tuple[int, ...]
    conditional: bool = False
    copies: int = 1
    field: str = ""
    part: int | None = None
    bundle: tuple[tuple[str, int], ...] = ()

    @property
    def absent(self) -> int:
        """The state in which it does not exist."""
        return len(self.weights) - 1


@dataclass(eq=False)
class Problem:
    """What is to be counted. `constraints` go with the requirement they come from (an Output's id, −1 for existence);
    `free`: elements of each decision (positions) that nothing reads and that always exist; `ignored`: texts of
    requirements on costs; `opaque`: what could not be read (texts of requirements, names of decisions whose existence
    could not be read)."""

    graph: Graph
    nodes: Mapping[int, Node]
    variables: list[Variable] = field(default_factory=list)
    constraints: list[tuple[Constraint, int]] = field(default_factory=list)
    free: dict[str, IntArray] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)


def domain_size(domain: Domain) -> int:
    """Options of one element; 1 for a real number, which is counted apart."""
    match domain.kind:
        case "real":
            return 1
        case "range":
            return int(domain.high) - int(domain.low) + 1
        case "subset":
            return sum(comb(len(domain.options), k) for k in range(int(domain.low), int(domain.high) + 1))
        case _:
            return len(domain.options)


def rows_of(graph: Graph, nodes: Mapping[int, Node]) -> dict[str, list[tuple[int, DecisionNode]]]:
    """The nodes that hold each decision."""
    found: dict[str, list[tuple[int, DecisionNode]]] = {d.name: [] for d in graph.decisions}
    for key, node in nodes.items():
        if isinstance(node, DecisionNode):
            found.setdefault(node.name, []).append((key, node))
    return found


def requirements(graph: Graph) -> Iterator[tuple[int, Output, str]]:
    """Every `require`: its node, and whether it is between decisions ("decisions"), on costs or beyond counting."""
    for key in graph.outputs:
        node = graph[key]
        if isinstance(node, Output) and node.role == "constraint":
            above = [graph[k] for k in graph.ancestors([key])]
            if any(isinstance(n, Cost) for n in above):
                yield key, node, "cost"
            elif any(isinstance(n, Input | Learned) for n in above):
                yield key, node, "run"
            else:
                yield key, node, "decisions"


def sizes_of(decision: Decision) -> tuple[int, ...]:
    """The size of every distinct domain."""
    return tuple(map(domain_size, decision.domains))


def multiply_free(decision: Decision, elements: IntArray) -> dict[int, int]:
    """How many of some elements have each domain (by its position among the distinct ones)."""
    if decision.per_value:
        counted: dict[int, int] = {}
        for e in elements.tolist():
            d = decision.domain_of[e] if decision.domain_of else 0
            counted[d] = counted.get(d, 0) + copies_of(decision, e)
        if len(counted) == 1 and not decision.counts:
            return {next(iter(counted)): decision.elements}
        return counted
    if not decision.domain_of:
        return {0: len(elements)}
    numbers = np.bincount(np.asarray(decision.domain_of, dtype=np.int64)[elements], minlength=len(decision.domains))
    return {d: int(n) for d, n in enumerate(numbers) if n}

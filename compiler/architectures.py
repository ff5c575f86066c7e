"""Architectures: which decisions exist in one, and whether it meets the requirements (`sampler.py` draws them).

The elements of a decision indexed by values follow one another row by row of its node: all values of the first row,
then all of the second, …
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from .counting.problem import requirements, rows_of
from .decisions import Architecture, Decision, Options, opened, packed
from .evaluate import Evaluator, copies_of
from .ir import Graph

Position = Any
"""The position of an option, a tuple of them for a subset, the number itself for a real."""


@dataclass(eq=False, slots=True)
class Layout:
    """Where the values of each row of a decision start among its elements."""

    starts: dict[str, list[int]]
    counts: dict[str, list[int]]

    @staticmethod
    def of(graph: Graph) -> Layout:
        holders = rows_of(graph, dict(graph.items()))
        starts, counts = {}, {}
        for decision in graph.decisions:
            rows = max((int(n.elements.array.max(initial=-1)) + 1 for _, n in holders[decision.name]), default=0)
            rows = rows if decision.per_value or decision.keys is None else len(decision.keys)
            counts[decision.name] = [copies_of(decision, e) for e in range(rows)]
            starts[decision.name] = np.concatenate([[0], np.cumsum(counts[decision.name])]).astype(int).tolist()
        return Layout(starts, counts)


def hand_made(graph: Graph) -> Architecture:
    """Every decision at its default."""
    layout = Layout.of(graph)
    return {d.name: _defaults(d, layout.counts[d.name]) for d in graph.decisions}


def _defaults(decision: Decision, counts: list[int]) -> Options:
    if decision.packed:
        rows = np.array([decision.default(e) == 1 for e in range(len(counts))], dtype=bool)
        return packed(np.repeat(rows, counts))
    return tuple(decision.default(e) for e, n in enumerate(counts) for _ in range(n))


def exists(graph: Graph, architecture: Architecture) -> dict[str, Sequence[bool]]:
    """Which elements of every decision exist."""
    evaluator = Evaluator(graph, architecture, strict=False)
    layout = Layout.of(graph)
    found: dict[str, Sequence[bool]] = {}
    for name, nodes in rows_of(graph, dict(graph.items())).items():
        alive = [False] * layout.starts[name][-1]
        if len(nodes) == 1 and not nodes[0][1].exists and len(nodes[0][1].index) == len(layout.counts[name]):
            found[name] = (True,) * len(alive)  # of one node without conditions all exist
            continue
        for _, node in nodes:
            for row, element in enumerate(node.elements.array.tolist()):
                start, count = layout.starts[name][element], layout.counts[name][element]
                for value in range(count):
                    at = value if node.index.values else None
                    alive[start + value] = alive[start + value] or evaluator.exists(node, row, at)
        found[name] = tuple(alive) if nodes else (True,) * len(alive)
    return found


def canonical(graph: Graph, architecture: Architecture) -> Architecture:
    """The architecture with its default wherever a decision does not exist: equal for architectures that are equal."""
    alive, default = exists(graph, architecture), hand_made(graph)
    return {name: _where(chosen, alive[name], default[name]) for name, chosen in architecture.items()}


def _where(chosen: Options, alive: Sequence[bool], default: Options) -> Options:
    if isinstance(default, bytes):
        return packed(np.where(np.array(alive, dtype=bool), opened(chosen), opened(default)))
    return tuple(c if a else d for c, a, d in zip(chosen, alive, default, strict=True))


def fingerprint(graph: Graph, architecture: Architecture) -> str:
    """A stable name of what an architecture decides: 16 hexadecimal digits."""
    text = json.dumps(canonical(graph, architecture), sort_keys=True, default=bytes.hex)
    return sha256(text.encode()).hexdigest()[:16]


def satisfies(graph: Graph, architecture: Architecture) -> bool:
    """Whether an architecture meets every requirement between decisions (those on costs are not looked at)."""
    evaluator = Evaluator(graph, architecture, strict=True)
    for _, node, kind in requirements(graph):
        if kind == "decisions":
            values = graph[node.value.node].index.values
            for row in node.value.rows.array.tolist():
                copies = evaluator.values_of(values[row]) if values else [None]
                if any((met := evaluator.row(node.value.node, row, v)) is not None and not met for v in copies):
                    return False
    return True

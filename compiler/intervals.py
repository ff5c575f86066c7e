"""Between which numbers a value lies, as far as its operators tell: is a prediction a probability?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

from .decisions import Decision, Domain
from .ir import Constant, DecisionNode, Input, Merge, Node, Operator, Reduce, Select
from .search_phase import CONDITIONS

Interval = tuple[float, float]
ANYTHING: Interval = (-math.inf, math.inf)
UNIT: Interval = (0.0, 1.0)
RANGES: Mapping[str, Interval] = {"sigmoid": UNIT, "tanh": (-1.0, 1.0), "relu": (0.0, math.inf), "exp": (0.0, math.inf)}


def interval(nodes: Mapping[int, Node], key: int, decisions: Sequence[Decision] = ()) -> Interval:
    """An interval that is sure to hold every row of a node; labels count as 0 or 1.

    `decisions`: their domains, where they are known: else a decision is a gate, or any number.
    """
    domains = {d.name: d.domains for d in decisions}
    known: dict[int, Interval] = {}
    todo = [key]
    while todo:
        top = todo[-1]
        missing = [r for r in _read(nodes[top]) if r not in known]
        if missing and top not in known:
            todo += missing
        else:
            known.setdefault(top, _of(nodes[top], known, domains))
            todo.pop()
    return known[key]


def _read(node: Node) -> list[int]:
    match node:
        case Operator(operator=operator, operands=operands):
            return [r.node for r in operands] if operator not in RANGES and operator not in CONDITIONS else []
        case Select(alternatives=refs) | Merge(sources=refs):
            return [r.node for r in refs]
        case Reduce(blocks=blocks):
            return [b.ref.node for b in blocks]
        case _:
            return []


def _of(node: Node, known: Mapping[int, Interval], domains: Mapping[str, tuple[Domain, ...]]) -> Interval:
    parts = [known[k] for k in _read(node)]
    match node:
        case Constant(values=values):
            return (float(values.min()), float(values.max())) if values.size else UNIT
        case Input(columns=columns):
            return UNIT if columns[0].what == "label" else ANYTHING
        case DecisionNode(name=name):
            return _around([_domain(d) for d in domains.get(name, ())])
        case Operator(operator=operator):
            return _operator(operator, parts)
        case Select() | Merge():
            return _around(parts)
        case Reduce(operator="mean" | "max" | "min"):
            return _around([*parts, (0.0, 0.0)] if node.weights is not None else parts)
        case Reduce(operator="sum") if all(map(math.isfinite, (x for part in parts for x in part))):
            most = [b.count or len(b.ref.rows) for b in node.blocks]
            free = node.weights is not None or node.segments is not None
            low = sum(n * (min(a, 0.0) if free else a) for n, (a, _) in zip(most, parts, strict=True))
            return low, sum(n * (max(b, 0.0) if free else b) for n, (_, b) in zip(most, parts, strict=True))
        case Reduce(operator="any" | "all"):
            return UNIT
        case Reduce(operator="product") if all(low >= 0 and high <= 1 for low, high in parts):
            return UNIT
        case _:
            return ANYTHING


def _domain(domain: Domain) -> Interval:
    match domain.kind:
        case "gate":
            return UNIT
        case "number" if all(isinstance(o, int | float) for o in domain.options):
            return min(map(float, domain.options)), max(map(float, domain.options))
        case "range" | "real":
            return float(domain.low), float(domain.high)
        case _:
            return ANYTHING


def _operator(operator: str, parts: list[Interval]) -> Interval:
    if operator in RANGES:
        return RANGES[operator]
    if operator in CONDITIONS:
        return UNIT
    match operator, parts:
        case "+", [(a, b), (c, d)]:
            return a + c, b + d
        case "-", [(a, b), (c, d)]:
            return a - d, b - c
        case "*", [left, right]:
            found = [x * y for x, y in product(left, right)]
            return ANYTHING if any(map(math.isnan, found)) else (min(found), max(found))
        case "negate", [(a, b)]:
            return -b, -a
        case "min", [(a, b), (c, d)]:
            return min(a, c), min(b, d)
        case "max", [(a, b), (c, d)]:
            return max(a, c), max(b, d)
        case "pool", [one]:
            return one
    return ANYTHING


def _around(parts: list[Interval]) -> Interval:
    return min((low for low, _ in parts), default=-math.inf), max((high for _, high in parts), default=math.inf)

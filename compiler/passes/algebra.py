"""Sums of products over all subsets of one size become elementary symmetric polynomials.

    sum(dot(e[i], e[j]) for i < j in fields)                             →   over_sum(subsets(e of 2))
    sum(keep[k, s] * product(e[f] for f in s) for s in subsets(fields, k))  →   subsets(e of 2, 3, …, factors of keep)

Σ over k-subsets s of Π_{f in s} x_f is read off k − 1 sums over the members before each, F numbers at a time instead of
C(F, k). So it is where gates weigh the subsets, if these are factored logits themselves: Σ_r Π β^r_f · Π x_f =
Σ_r Π (β^r_f · x_f) (PROFIT, NeurIPS 2021; the kernel of higher-order factorization machines). Whether they are is known
when the model runs: what is generated takes factors where it is given them, and weights otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from ..decisions import Factors
from ..ir import DecisionNode, Graph, IntArray, Node, Operator, Reduce, Ref, Rows, SubsetSum

Sets = list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Products:
    """Row k is the product of the rows `sets[k]` of x; `dotted`: of which the last axis is summed up."""

    x: int
    sets: Sets
    dotted: bool


def algebra(graph: Graph) -> Graph:
    """Every sum that there is a shorter form of."""
    nodes = dict(graph.items())
    fresh = max(nodes) + 1
    for key, node in graph.items():
        found = _subset_sum(graph, node)
        if found is None:
            continue
        shorter, dotted = found
        if dotted:
            inner = replace(shorter, shape=graph[shorter.members.node].shape)
            nodes[fresh] = inner
            every = Ref(fresh, Rows.all(len(node.index)))
            nodes[key] = Operator(index=node.index, shape=node.shape, place=node.place, span=node.span,
                                  operator="over_sum", operands=(every,))  # fmt: skip
            fresh += 1
        else:
            nodes[key] = shorter
    return graph.with_nodes(nodes)


def _subset_sum(graph: Graph, node: Node) -> tuple[SubsetSum, bool] | None:
    """The sum in its shorter form, and whether the last axis is still to be summed up."""
    if not (isinstance(node, Reduce) and node.operator == "sum" and node.weights is None and len(node.blocks) == 1):
        return None
    if node.over:
        return None  # elements of an example, not rows
    ref = node.blocks[0].ref
    gated = _gated(graph, ref)
    gate, inner = gated if gated is not None else (None, ref)
    products = _products(graph, inner)
    if products is None:
        return None
    members = sorted({m for s in products.sets for m in s})
    sets = [tuple(members.index(m) for m in s) for s in products.sets]
    by_row = _by_row(node, len(sets))
    sizes = [_complete([sets[e] for e in row], len(members)) for row in by_row]
    if not sizes or None in sizes or len(sets) <= len(members):
        return None
    made = SubsetSum(index=node.index, shape=node.shape, place=node.place, span=node.span,
                     members=Ref(products.x, Rows(members)), sizes=tuple(s for s in sizes if s is not None))  # fmt: skip
    if gate is None:
        return made, products.dotted
    weighed = _weighed(graph, made, gate, sets, by_row)
    return None if weighed is None else (weighed, products.dotted)


def _by_row(node: Reduce, elements: int) -> list[IntArray]:
    """The elements that each row of a sum adds up."""
    n, count = len(node.index), node.blocks[0].count
    row_of = node.segments.array if node.segments is not None else np.repeat(np.arange(n), count)
    return [np.flatnonzero(row_of == r) for r in range(n)]


def _complete(sets: Sets, members: int) -> int | None:
    """The size of the sets, if they are all subsets of that size, each once."""
    sizes = {len(set(s)) for s in sets} | {len(s) for s in sets}
    if len(sizes) != 1:
        return None
    (size,) = sizes
    whole = len(sets) == comb(members, size) and len({frozenset(s) for s in sets}) == len(sets)
    return size if whole else None


def _gated(graph: Graph, ref: Ref) -> tuple[Ref, Ref] | None:
    """The gate and what it multiplies, element by element."""
    node = graph[ref.node]
    if not (isinstance(node, Operator) and node.operator == "*"):
        return None
    for gate, other in (node.operands, node.operands[::-1]):
        source = graph[gate.node]
        if isinstance(source, DecisionNode) and graph.decision(source.name).factors is not None:
            return Ref(gate.node, gate.rows.take(ref.rows)), Ref(other.node, other.rows.take(ref.rows))
    return None


def _products(graph: Graph, ref: Ref) -> Products | None:
    """Rows of a node as products of rows of another one."""
    node = graph[ref.node]
    if node.shape.searched or node.shape.kind == "sequence":
        return None
    match node:
        case Reduce(operator="product", weights=None, blocks=(block,)):
            rows, elements = _by_row(node, 0), block.ref.rows.array
            of_row = [tuple(elements[row].tolist()) for row in rows]
            return Products(block.ref.node, [of_row[r] for r in ref.rows.array], False)
        case Operator(operator="*" | "dot", operands=(a, b)) if a.node == b.node:
            pairs = zip(a.rows.take(ref.rows).array.tolist(), b.rows.take(ref.rows).array.tolist(), strict=True)
            dotted = node.operator == "dot"
            return Products(a.node, list(pairs), dotted) if graph[a.node].shape.kind in ("vector", "number") else None
        case _:
            return None


def _weighed(graph: Graph, made: SubsetSum, gate: Ref, sets: Sets, by_row: list[IntArray]) -> SubsetSum | None:
    """The sum weighed by a gate of factored logits, if the members of its sets are those that are multiplied."""
    source = graph[gate.node]
    assert isinstance(source, DecisionNode)
    factors = graph.decision(source.name).factors
    assert factors is not None
    element = source.elements.array[gate.rows.array]
    places = _places(factors, element, sets)
    groups = [{factors.group_of[e] for e in element[row]} for row in by_row]
    if places is None or any(len(g) != 1 for g in groups):
        return None
    order = [_in_order(row, sets, len(places)) for row in by_row]
    weights = Ref(gate.node, gate.rows.take(Rows(np.concatenate(order))))
    return replace(made, weights=weights, groups=tuple(g.pop() for g in groups), places=places)


def _places(factors: Factors, element: IntArray, sets: Sets) -> tuple[int, ...] | None:
    """Which member of the factors each member of the products is; None where they do not go together."""
    found: dict[int, int] = {}
    for e, own in zip(element, sets, strict=True):
        if len(own) != len(factors.sets[e]):
            return None
        for member, place in zip(own, factors.sets[e], strict=True):
            if found.setdefault(member, place) != place:
                return None
    return tuple(found[m] for m in range(len(found))) if len(set(found.values())) == len(found) else None


def _in_order(row: IntArray, sets: Sets, members: int) -> IntArray:
    """The elements of a row with their sets in the order of combinations."""
    at = {tuple(sorted(sets[e])): e for e in row}
    size = len(sets[row[0]])
    return np.array([at[s] for s in combinations(range(members), size)], dtype=np.int64)

"""What tensors run along besides examples and rows of families: the elements that a field has in each example.

    s[i in elements(f)]   ·   s[i] * s[j]   ·   mean(z[i, j] for j in elements(f))
    (i)                       (i, j)            (i)

A node's index says which run-time binders stand around it in the text; its tensor has only those that it depends on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from .ir import (
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Select,
    SubsetSum,
)
from .unfinished import not_yet

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Which elements a tensor has rows for: all combinations of the elements of `fields`, of those that `ordered`
    names (positions in `fields`) only i < j or i <= j."""

    fields: tuple[str, ...]
    ordered: tuple[tuple[int, int, str], ...] = ()


def runs_of(graph: Graph) -> dict[int, Names]:
    """For every node the names of the run-time binders that its tensor runs along, in alphabetical order."""
    found: dict[int, Names] = {}
    for key, node in graph.items():
        found[key] = tuple(sorted(_names(node, found)))
    return found


def _names(node: Node, found: dict[int, Names]) -> set[str]:
    def of(refs: Iterable[Ref]) -> set[str]:
        return {name for ref in refs for name in found[ref.node]}

    match node:
        case Input() | Constant() | Learned() | Cost():
            return set()
        case DecisionNode(given=given):
            return of([given] if given else [])
        case Operator(operator="element"):
            return of(node.operands) | {str(node.options["at"])}
        case Operator(operator="rename"):
            renamed = dict(node.options["to"])
            return {renamed.get(name, name) for name in of(node.operands)}
        case Operator():
            return of(node.operands)
        case Select():
            return of((node.subject, *node.alternatives))
        case Reduce():
            return inner_runs(node, found) - bound(node)
        case Merge():
            return of(node.sources)
        case SubsetSum(members=members, weights=weights):
            return of((members, *([weights] if weights else [])))
        case Output():
            return of((node.value,))
        case _:
            assert_never(node)


def inner_runs(node: Reduce, found: dict[int, Names]) -> set[str]:
    """What the elements of an aggregate run along: what it runs over as well."""
    refs = [b.ref for b in node.blocks] + ([node.weights] if node.weights else [])
    return {name for ref in refs for name in found[ref.node]} | bound(node)


def bound(node: Reduce) -> set[str]:
    """Names of the run-time binders that an aggregate runs over."""
    return {name for run in node.over for name in run.names}


def places(node: Node, names: Names, inside: bool = False) -> Places:
    """The rows that a tensor along some binders around a node has. `inside`: around the elements of an aggregate."""
    runs = (*(node.over if inside and isinstance(node, Reduce) else ()), *node.index.runs)
    of = {name: run for run in reversed(runs) for name in run.names}
    lost = next((name for name in names if name not in of), None)
    if lost is not None:
        raise not_yet(node.span, f"a value along `{lost}` outside of the aggregate that binds it")
    ordered = []
    for run in dict.fromkeys(of[name] for name in names):
        if run.relation and set(run.names) <= set(names):
            first, second = (names.index(name) for name in run.names)
            ordered.append((first, second, run.relation))
    return Places(tuple(of[name].field for name in names), tuple(ordered))

"""Gates on the numbers or rows of tables that have no such rows to themselves: refused, for nothing could be left out of them.

e[f] * keep[f, :] where e[f] = embed(f, n, table = hashed): a row of it is shared, and is no sum of numbers of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from recspace.dsl.diagnostics import Diagnostic

from .compression import FULL
from .ir import DecisionNode, Graph, Merge, Operator, Ref, Select

CODE = "S0751"


def compressed(graph: Graph) -> tuple[Operator, ...]:
    """The look-ups in tables that have no row of numbers for each value."""
    embeds = (node for _, node in graph.items() if isinstance(node, Operator) and node.operator == "embed")
    return tuple(node for node in embeds if node.options["table"] != FULL)


def gates_on_compressed(graph: Graph) -> tuple[Diagnostic, ...]:
    """An error for each product of a compressed table, or one that may be, with gates that prune what it stores."""
    found = {}
    for _, node in graph.items():  # noqa: PERF102 – a graph
        if not (isinstance(node, Operator) and node.operator == "*" and len(node.operands) == 2):
            continue
        for table, other in (node.operands, node.operands[::-1]):
            kinds = {str(t.options["table"]) for t in _tables(graph, table)} - {FULL}
            if kinds and _prunes(graph, other):
                said = f"gates prune the rows of a table, and one that is {min(kinds)} has no rows of its own for values and numbers"
                help = "keep the table in full where it is pruned (table = full), or gate the whole vector of a field: keep[f] * e[f]"
                found[node.span] = Diagnostic(CODE, said, node.span, "pruned and compressed", help=help)
    return tuple(found.values())


def _tables(graph: Graph, ref: Ref) -> Iterator[Operator]:
    """The look-ups that a value is one of."""
    node = graph[ref.node]
    match node:
        case Operator(operator="embed"):
            yield node
        case Operator(operator="pool", operands=(inner,)):
            yield from _tables(graph, inner)
        case Select(alternatives=several) | Merge(sources=several):
            for one in several:
                yield from _tables(graph, one)


def _prunes(graph: Graph, ref: Ref) -> bool:
    """Whether a factor is made of decisions alone, number by number or value by value."""
    above = [graph[k] for k in graph.ancestors([ref.node])]
    if not any(isinstance(node, DecisionNode) for node in above):
        return False
    if any(isinstance(node, Operator) and node.layer for node in above):
        return False
    by_value = any(isinstance(node, Operator) and node.operator in ("lookup", "pick") for node in above)
    return by_value or graph[ref.node].shape.kind == "vector"

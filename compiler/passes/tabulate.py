"""A vector of what a decision selects between numbers becomes its weights times a table.

[k <= n for k in 1..3]  =  [select n {0: 1, 1: 1, …}, select n {0: 0, 1: 1, …}, …]   →   weights of n @ [[1, 0, 0], [1, 1, 0], …]
"""

from __future__ import annotations

import numpy as np

from ..ir import Constant, DecisionNode, Graph, IntArray, Node, Operator, Reduce, Ref, Rows, Select
from ..shapes import NUMBER


def tabulate(graph: Graph) -> Graph:
    """Every such vector; what it was made of is left to `prune`."""
    return graph.with_nodes({key: _tabulated(graph, node) for key, node in graph.items()})


def _tabulated(graph: Graph, node: Node) -> Node:
    match node:
        case Reduce(operator="vector", blocks=(block,), segments=None, weights=None):
            select = graph[block.ref.node]
        case _:
            return node
    if not (
        isinstance(select, Select) and select.shape == NUMBER and select.labels and isinstance(select.labels[0], int)
    ):
        return node
    alternatives = [graph[one.node] for one in select.alternatives]
    if not all(isinstance(one, Constant) for one in alternatives) or isinstance(select.labels[0], bool):
        return node
    rows = block.ref.rows.array.reshape(-1, block.count)
    subject: IntArray = select.subject.rows.array[rows]
    if not len(subject) or not bool((subject == subject[:, :1]).all()):
        return node
    options = _options(graph, select.subject)
    if not options:
        return node
    table = np.zeros((len(rows), options, block.count))
    for label, one, source in zip(select.labels, select.alternatives, alternatives, strict=True):
        assert isinstance(source, Constant)
        table[:, int(label)] = source.values[one.rows.array[rows]]
    weights = Ref(select.subject.node, Rows(subject[:, 0]))
    return Operator(index=node.index, shape=node.shape, phase="run", place=node.place, span=node.span, operator="expect",
                    operands=(weights,), options={"table": table, "sizes": (options,)})  # fmt: skip


def _options(graph: Graph, subject: Ref) -> int:
    """How many options the decision has that is read, or looked up; 0 where it is something else."""
    source = graph[subject.node]
    if isinstance(source, Operator) and source.operator == "lookup":
        source = graph[source.operands[0].node]
    if not isinstance(source, DecisionNode):
        return 0
    domains = graph.decision(source.name).domains
    return max(len(domain.options) for domain in domains)

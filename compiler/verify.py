"""What must hold of every graph between passes."""

from __future__ import annotations

from .ir import Graph, Merge, Operator, Output, Reduce, Select, SubsetSum, operands


class Broken(Exception):
    """A pass made a graph that is none; the message names the pass."""


def verify(graph: Graph, after: str) -> Graph:
    """The graph itself, if it is sound: no cycle, no missing node, rows in range and as many as the index says."""

    def fault(message: str) -> Broken:
        return Broken(f"after {after}: {message}")

    if graph.missing():
        raise fault(f"node {graph.missing()[0]} is read, and not there")
    if graph.cycle():
        raise fault(f"nodes {graph.cycle()} need one another")
    for key, node in graph.items():
        n = len(node.index)
        for ref in operands(node):
            size = len(graph[ref.node].index)
            if len(ref.rows) and (ref.rows.array.min() < 0 or ref.rows.array.max() >= size):
                raise fault(f"node {key} reads row {int(ref.rows.array.max())} of node {ref.node}, which has {size}")
        wrong: object
        match node:
            case Operator():
                wrong = any(len(r.rows) != n for r in node.operands) or len(node.keys) not in (0, n)
            case Select():
                wrong = any(len(r.rows) != n for r in (node.subject, *node.alternatives))
            case Reduce(segments=None):
                wrong = any(len(b.ref.rows) != n * b.count for b in node.blocks)
            case Reduce(segments=segments):
                wrong = segments is not None and any(len(b.ref.rows) != len(segments) for b in node.blocks)
            case Merge():
                wrong = len(node.source_of) != n or sum(len(s.rows) for s in node.sources) != n
            case SubsetSum():
                wrong = len(node.sizes) != n or len(node.groups) not in (0, n)
            case Output():
                wrong = len(node.value.rows) != n
            case _:
                wrong = False
        if wrong:
            raise fault(f"node {key} ({type(node).__name__} {node.place}) has {n} rows and operands of another number")
        if node.shape.searched and len(node.widths) != len(node.shape.dims):
            raise fault(f"node {key} has a searched shape and nothing that settles it")
    if not graph.outputs:
        raise fault("nothing is put out")
    return graph

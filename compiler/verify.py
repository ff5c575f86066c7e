"""What must hold of every graph between passes."""

from __future__ import annotations

from .ir import Graph, Merge, Operator, Output, Reduce, Select, operands


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
        match node:
            case Operator():
                wrong = [r for r in node.operands if len(r.rows) != n] or (node.keys and len(node.keys) != n)
            case Select():
                wrong = [r for r in (node.subject, *node.alternatives) if len(r.rows) != n]
            case Reduce(segments=None):
                wrong = [b for b in node.blocks if len(b.ref.rows) != n * b.count]
            case Reduce(segments=segments):
                wrong = [b for b in node.blocks if segments is not None and len(b.ref.rows) != len(segments)]
            case Merge():
                wrong = len(node.source_of) != n or sum(len(s.rows) for s in node.sources) != n
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

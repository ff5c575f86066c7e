"""Parts of a concatenation that are zero for every example are left out where only linear layers read it.

linear(concat(a, 0, b), n)             →   linear(concat(a, b), n)     (with the rows of the weight that are left)
linear(concat(a, concat(0, 0)), n)     →   linear(concat(a), n)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir import Block, Constant, Graph, Merge, Node, Operator, Reduce, Ref, Rows
from ..promise import Promises
from ..shapes import vector
from .prune import prune


def narrow(graph: Graph, promises: Promises) -> Graph:
    """Concatenations without zero parts; the layers on them get narrower by themselves."""
    graph = _seen_through(graph)
    nodes = dict(graph.items())
    linear = _read_by_linear(graph, promises)
    for key, node in graph.items():
        if key in linear and isinstance(node, Reduce):
            blocks = tuple(b for old in node.blocks for b in _without_zeros(nodes, old))
            if blocks:
                width = sum(_width(nodes, b) * b.count for b in blocks)
                nodes[key] = replace(node, blocks=blocks, shape=vector(width))
    return graph.with_nodes(nodes)


def _seen_through(graph: Graph) -> Graph:
    """Concatenations that one concatenation reads through a Merge are read by it at once, each with its own width."""
    made: dict[int, Node] = {}
    for key, node in graph.items():
        if isinstance(node, Reduce) and node.operator == "concat" and len(node.index) == 1:
            blocks = tuple(b for old in node.blocks for b in _sources(graph, old))
            if blocks != node.blocks:
                made[key] = replace(node, blocks=blocks)
    return prune(graph.with_nodes({**dict(graph.items()), **made})) if made else graph


def _sources(graph: Graph, block: Block) -> list[Block]:
    node = graph[block.ref.node]
    if not isinstance(node, Merge) or not any(_joins(graph[s.node]) for s in node.sources):
        return [block]
    found: list[Block] = []
    for k, row in enumerate(block.ref.rows.array.tolist()):
        source, at = node.source(row)
        parts = block.parts[k : k + 1]
        if found and found[-1].ref.node == source:
            last = found[-1]
            rows = Rows([*last.ref.rows.array, at])
            found[-1] = replace(last, ref=Ref(source, rows), count=last.count + 1, parts=(*last.parts, *parts))
        else:
            found.append(replace(block, ref=Ref(source, Rows([at])), count=1, parts=parts))
    return found


def _joins(node: Node) -> bool:
    return isinstance(node, Reduce) and node.operator == "concat"


def _read_by_linear(graph: Graph, promises: Promises) -> set[int]:
    """Concatenations to one vector whose readers are layers that multiply it, or others of the kind."""
    found: set[int] = set()
    for key, node in reversed(list(graph.items())):
        whole = (
            isinstance(node, Reduce)
            and node.operator == "concat"
            and node.shape.kind == "vector"
            and len(node.index) == 1
        )
        if (
            whole
            and not node.shape.searched
            and all(_takes_rows(graph[c], found, c, promises) for c in graph.consumers(key))
        ):
            found.add(key)
    return found


def _takes_rows(node: Node, found: set[int], key: int, promises: Promises) -> bool:
    return key in found or (isinstance(node, Operator) and node.operator == "linear" and "linear" in promises.operators)


def _width(nodes: dict[int, Node], block: Block) -> int:
    return int(nodes[block.ref.node].shape.last)  # type: ignore[arg-type]


def _without_zeros(nodes: dict[int, Node], block: Block) -> list[Block]:
    kept = np.array(
        [k for k, row in enumerate(block.ref.rows.array) if not _zero(nodes, block.ref.node, int(row))], dtype=np.int64
    )
    if len(kept) == len(block.ref.rows):
        return [block]
    if not len(kept):
        return []
    parts = tuple(block.parts[k] for k in kept) if block.parts else ()
    return [replace(block, ref=Ref(block.ref.node, Rows(block.ref.rows.array[kept])), count=len(kept), parts=parts)]


def _zero(nodes: dict[int, Node], key: int, row: int) -> bool:
    node = nodes[key]
    match node:
        case Constant(values=values):
            return not values[row].any()
        case Merge():
            return _zero(nodes, *node.source(row))
        case Reduce(operator="concat", blocks=blocks):
            return all(
                _zero(nodes, b.ref.node, int(part))
                for b in blocks
                for part in b.ref.rows.array[row * b.count : (row + 1) * b.count]
            )
        case Operator(operator="*", operands=factors):
            return any(_zero(nodes, o.node, int(o.rows.array[row])) for o in factors)
        case _:
            return False

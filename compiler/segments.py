"""What the last axis of a value is made of: the parts of a concatenation, each with weights of its own in a layer on it."""

from __future__ import annotations

from dataclasses import dataclass

from .compiled import Part
from .ir import Block, DecisionNode, Graph, Merge, Operator, Reduce, Ref, Rows
from .promise import Promises

Chosen = tuple[tuple[str, int, int], ...]
PASSES_ON = ("dropout", "flatten", "batch_norm", "normalize")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the last axis of a value: its path in a concatenation, its searched width, and what has to be chosen
    for it to stay: (decision, element, option)."""

    path: Part
    candidate: str
    width: int
    chosen: Chosen = ()


def segments(graph: Graph, ref: Ref, row: int, promises: Promises) -> list[Segment]:
    """The parts of the last axis of one row of an operand."""
    node = graph[ref.node]
    at = int(ref.rows.array[row]) if len(ref.rows) else 0
    match node:
        case Reduce(operator="concat" | "stack" | "vector"):
            found: list[Segment] = []
            for block in node.blocks:
                for k in range(at * block.count, (at + 1) * block.count):
                    path = block.parts[k] if block.parts else ()
                    inner = segments(graph, block.ref, k, promises)
                    found += [_inside(graph, s, path, block, k) for s in inner]
            return found
        case Merge():
            source, within = node.source(at)
            return segments(graph, Ref(source, Rows([within])), 0, promises)
        case Operator(operator=operator) if operator in PASSES_ON or _elementwise(promises, operator):
            wide = [o for o in node.operands if graph[o.node].shape.kind != "number"]
            if len(wide) == 1:
                return segments(graph, wide[0], at, promises)
    shape = node.shape
    size = 1
    for d in shape.dims:
        size *= int(d)  # type: ignore[arg-type]
    return [Segment((), "", size if shape.kind in ("vector", "matrix") else int(shape.last))]  # type: ignore[arg-type]


def _elementwise(promises: Promises, operator: str) -> bool:
    promise = promises.operators.get(operator)
    return operator == "*" or (promise is not None and promise.elementwise)


def _inside(graph: Graph, segment: Segment, path: Part, block: Block, at: int) -> Segment:
    chosen = segment.chosen
    if block.candidate:
        node = graph[block.ref.node]
        assert isinstance(node, Operator)  # the candidate, times its weight
        weight = graph[node.operands[0].node]
        assert isinstance(weight, Operator)
        subject = weight.operands[0]
        decision = graph[subject.node]
        if isinstance(decision, DecisionNode):
            row = int(subject.rows.array[int(node.operands[0].rows.array[int(block.ref.rows.array[at])])])
            chosen = (*chosen, (decision.name, int(decision.elements.array[row]), int(weight.options["option"])))
    return Segment((*path, *segment.path), block.candidate or segment.candidate, segment.width, chosen)

"""What a logistic regression can judge: columns whose ids pick a learned number that is added to the logits.

predict sigmoid(bias() + sum(weight(f) for f in fields) + sum(weight(cross(c)) for c in [a*b, a*c]))
    →   a, b, c (keys of their own fields), a×b (key `a*b`), a×c (key `a*c`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .decisions import Key
from .ir import Graph, Input, Merge, Operator, Output, Reduce, Ref
from .schema import Column


@dataclass(frozen=True, slots=True)
class Added:
    """`key`: the labels of the generators around it; `column`: what the example holds there."""

    key: Key
    column: Column


def added(graph: Graph) -> tuple[Added, ...]:
    """Every column that a `weight()` reads which is added to the logits of what is predicted, as often as it is; none
    where the prediction is no sigmoid. The decisions of the graph are settled."""
    predict = next(n for k in graph.outputs if isinstance(n := graph[k], Output) and n.role == "predict")
    top = graph[predict.value.node]
    if not isinstance(top, Operator) or top.operator != "sigmoid":
        return ()
    return tuple(_terms(graph, top.operands[0], 0))


def read(graph: Graph) -> Counter[Column]:
    """Every column that the graph reads, as often as it stands there."""
    return Counter(c for k in graph.ancestors(graph.outputs) if isinstance(n := graph[k], Input) for c in n.columns)


def _terms(graph: Graph, ref: Ref, at: int) -> Iterator[Added]:
    """What is added up in one row of an operand."""
    row = int(ref.rows.array[at])
    match graph[ref.node]:
        case Operator(operator="+", operands=operands):
            for operand in operands:
                yield from _terms(graph, operand, row)
        case Operator(operator="weight", operands=(source,)):
            node, place = graph[source.node], int(source.rows.array[row])
            if isinstance(node, Input):
                yield Added(node.index.keys[place], node.columns[place])
        case Reduce(operator="sum", weights=None, segments=None, blocks=blocks):
            for block in blocks:
                for element in range(row * block.count, (row + 1) * block.count):
                    yield from _terms(graph, block.ref, element)
        case Reduce(operator="sum", weights=None, segments=segments, blocks=(block,)) if segments is not None:
            for element, segment in enumerate(segments.array):
                if segment == row:
                    yield from _terms(graph, block.ref, element)
        case Merge(sources=sources, source_of=source_of):
            which = int(source_of.array[row])
            before = int((source_of.array[:row] == which).sum())
            yield from _terms(graph, sources[which], before)
        case _:
            return

"""From a graph to what is to be counted."""

from __future__ import annotations

from ..ir import Graph
from .constraints import constrain
from .problem import Problem, requirements
from .translate import Translator
from .values import Unsupported


def build(graph: Graph) -> Problem:
    """The counting problem of a graph."""
    made = Problem(graph, dict(graph.items()))
    translator = Translator(graph, made)
    for key, node, kind in requirements(graph):
        if kind == "decisions":
            try:
                exprs = [translator.require(node, row) for row in range(len(node.value.rows))]
            except Unsupported:
                made.opaque.append(node.text)
                continue
            made.constraints += [(c, key) for e in exprs for c in constrain(e)]
        elif kind == "cost":
            made.ignored.append(node.text)
        else:
            made.opaque.append(node.text)
    translator.settle_existence()
    made.free = translator.free()
    return made

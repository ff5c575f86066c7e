"""Each kind of node has its lines."""

from __future__ import annotations

from typing import assert_never

from ..ir import Constant, Cost, DecisionNode, Input, Learned, Merge, Operator, Output, Reduce, Select, SubsetSum
from .aggregates import merge, reduce
from .branches import select
from .emitter import Emitter
from .leaves import constant, decision, input_, learned
from .operators import operator
from .subsets import subset_sum


def emit(emitter: Emitter, key: int) -> None:
    """The lines of one node."""
    node = emitter.graph[key]
    emitter.stand(key, node)
    match node:
        case Input():
            input_(emitter, key, node)
        case Constant():
            constant(emitter, key, node)
        case Learned():
            learned(emitter, key, node)
        case DecisionNode():
            decision(emitter, key, node)
        case Operator():
            operator(emitter, key, node)
        case Select():
            select(emitter, key, node)
        case Reduce():
            reduce(emitter, key, node)
        case Merge():
            merge(emitter, key, node)
        case SubsetSum():
            subset_sum(emitter, key, node)
        case Output() | Cost():
            raise AssertionError(node)  # neither is a value
        case _:
            assert_never(node)

"""Look-ups: what is decided for every value of a field, at the values of a batch. The axis of the values is never spelled
out: a decision is one tensor, of which the ids pick elements."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from ..ir import DecisionNode, Operator, Ref
from .emitter import Emitter, in_family

LOOKED_UP = '''
def looked_up(weights: Tensor, ids: Tensor, starts: Tensor | int) -> Tensor:
    """Gates [E] that are decided for every value, at ids [B, …]: `starts` is where the gate of the value 1 stands.

    A value never seen (0) and what is no value (−1) have gates that are off.
    """
    at = (ids + starts - 1).clamp(min=0)
    return weights.index_select(0, at.flatten()).view(at.shape).to(torch.get_default_dtype()) * (ids > 0)
'''.strip()


def lookup(emitter: Emitter, key: int, node: Operator) -> None:
    """One row of the decision for each row of the node."""
    family, at = node.operands
    source = emitter.graph[family.node]
    assert isinstance(source, DecisionNode)
    counts = emitter.graph.decision(source.name).counts
    begins = np.array([0, *accumulate(counts)])[source.elements.array[family.rows.array]]
    several = node.shape.kind == "sequence"
    own = in_family(node)
    ids = emitter.fetch(at, own, full=True)
    starts = str(int(begins[0]))
    if not bool((begins == begins[0]).all()):
        starts = emitter.constant(begins) + ("[:, None]" if several else "")
    emitter.functions["looked_up"] = LOOKED_UP
    emitter.define(key, node, f"looked_up({emitter.values[family.node].name}, {ids}, {starts})", True)
    if several:
        present = emitter.present[at.node]
        emitter.present[key] = Ref(present.node, present.rows.take(at.rows))

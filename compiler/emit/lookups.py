"""Look-ups: what is decided for every value of a field, at the values of a batch. The axis of the values is never spelled
out: a decision is one tensor, of which the ids pick elements. N options of a choice."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from ..ir import DecisionNode, Operator, Ref
from .emitter import Emitter, Value, in_family, is_gate

LOOKED_UP = '''
def looked_up(weights: Tensor, ids: Tensor, starts: Tensor | int) -> Tensor:
    """Gates [E] that are decided for every value, at ids [B, …]: `starts` is where the gate of the value 1 stands.

    A value never seen (0) and what is no value (−1) have gates that are off.
    """
    at = (ids + starts - 1).clamp(min=0)
    return weights.index_select(0, at.flatten()).view(at.shape).to(torch.get_default_dtype()) * (ids > 0)
'''.strip()

CHOSEN = '''
def chosen_at(weights: Tensor, ids: Tensor, starts: Tensor | int, unseen: int) -> Tensor:
    """Weights [E, N] of what is chosen for every value, at ids [B, …]: [B, …, N]. See `looked_up`.

    A value never seen (0) has the option `unseen`.
    """
    at = (ids + starts - 1).clamp(min=0)
    weights = weights.to(torch.get_default_dtype())
    other = F.one_hot(torch.full_like(ids, unseen), weights.shape[-1]).to(weights.dtype)
    return torch.where((ids > 0).unsqueeze(-1), weights.index_select(0, at.flatten()).view(*at.shape, -1), other)
'''.strip()
SETTLED = '''
def option_at(options: Tensor, ids: Tensor, starts: Tensor | int, unseen: int, count: int) -> Tensor:
    """Options [E] of what is chosen for every value, at ids [B, …], as ones among zeros [B, …, count]; see `chosen_at`."""
    at = (ids + starts - 1).clamp(min=0)
    option = torch.where(ids > 0, options.index_select(0, at.flatten()).view(at.shape).long(), unseen)
    return F.one_hot(option, count).to(torch.get_default_dtype())
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
    read = f"{emitter.values[family.node].name}, {ids}, {starts}"
    domain = emitter.graph.decision(source.name).domains[0]
    if not is_gate(emitter.graph.decision(source.name)):
        unseen = min(range(len(domain.options)), key=lambda k: domain.options[k]) if domain.kind != "name" else 0
        settled = source.name in emitter.layers.settled
        emitter.functions |= {"option_at": SETTLED} if settled else {"chosen_at": CHOSEN}
        text = f"option_at({read}, {unseen}, {len(domain.options)})" if settled else f"chosen_at({read}, {unseen})"
        value = emitter.define(key, node, text, True)
        emitter.values[key] = Value(value.name, True, value.family, 1)
        return
    emitter.functions["looked_up"] = LOOKED_UP
    emitter.define(key, node, f"looked_up({read})", True)
    if several:
        present = emitter.present[at.node]
        emitter.present[key] = Ref(present.node, present.rows.take(at.rows))

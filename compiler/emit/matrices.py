"""Many products at once, as matrices: inner products of pairs, sums that decisions weigh."""

from __future__ import annotations

import numpy as np

from ..ir import Operator, Reduce, Ref, Rows
from .emitter import Emitter, in_family

GRAM = '''
def gram(x_BFn: Tensor, pairs_P: Tensor) -> Tensor:
    """Inner products of rows of x: [B, P]. A pair is numbered F · i + j."""
    return (x_BFn @ x_BFn.transpose(1, 2)).flatten(1).index_select(1, pairs_P)
'''.strip()
MIXED = '''
def mixed(x_BM: Tensor, weights_NM: Tensor, mean: bool = False) -> Tensor:
    """Sums of the members of x [B, M, …], N times weighed: [B, N, …]; `mean`: divided by what the weights add up to, 1 at
    least."""
    if mean:
        weights_NM = weights_NM / weights_NM.sum(1, keepdim=True).clamp(min=1)
    return F.linear(x_BM, weights_NM) if x_BM.dim() == 2 else torch.einsum("nm,bmd->bnd", weights_NM, x_BM)
'''.strip()


def gram(emitter: Emitter, key: int, node: Operator) -> None:
    """Entries of the matrix of all inner products."""
    emitter.functions["gram"] = GRAM
    left, right = node.operands
    members = np.union1d(left.rows.array, right.rows.array)
    x = emitter.fetch(Ref(left.node, Rows(members)), True, full=True)
    at = [np.searchsorted(members, ref.rows.array) for ref in (left, right)]
    text = f"gram({x}, {emitter.constant(at[0] * len(members) + at[1])})"
    emitter.define(key, node, text if in_family(node) else f"{text}[:, 0]", True)


def mixed(emitter: Emitter, key: int, node: Reduce) -> None:
    """The members, and their weights as a matrix with zeros where a sum leaves one out."""
    emitter.functions["mixed"] = MIXED
    assert node.weights is not None
    (block,) = node.blocks
    n, rows = len(node.index), block.ref.rows.array
    members = np.unique(rows)
    x = emitter.fetch(Ref(block.ref.node, Rows(members)), True, full=True, batched=True)
    weights = emitter.fetch(node.weights, True, full=True)
    places = np.searchsorted(members, rows) + np.repeat(np.arange(n), block.count) * len(members)
    size = n * len(members)
    if not np.array_equal(places, np.arange(size)):
        weights = f"{weights}.new_zeros({size}).index_add(0, {emitter.constant(places)}, {weights})"
    matrix = f"{weights}[None]" if n == 1 else f"{weights}.unflatten(0, ({n}, {len(members)}))"
    text = f"mixed({x}, {matrix}{', True' if node.operator == 'mean' else ''})"
    emitter.define(key, node, text if in_family(node) else f"{text}[:, 0]", True)

"""Sums over all subsets of one size: elementary symmetric polynomials, or subset by subset."""

from __future__ import annotations

import numpy as np

from ..ir import DecisionNode, SubsetSum
from .emitter import Emitter, escaped, in_family

SYMMETRIC = '''
def symmetric_sums(
    x: Tensor, sizes: tuple[int, ...], factors: Tensor | None = None, terms: Tensor | None = None
) -> Tensor:
    """Σ over the subsets s of k of the members of x [B, F, …] of Π_{f in s} x_f, for every k in `sizes`: [B, N, …].

    Factors [N, R, F] weigh them: Σ_r Π_{f in s} β_f · x_f, term r times terms [N, R] if given. Each x_f times the sums
    over subsets of what comes before f; nothing is subtracted, so that no digits are lost.
    """
    a_BRFD = x.reshape(x.shape[0], 1, x.shape[1], -1)
    found = []
    for n, size in enumerate(sizes):
        weighed = a_BRFD if factors is None else a_BRFD * factors[n, None, :, :, None]
        run = weighed
        for _ in range(size - 1):
            run = weighed * sums_before(run)
        if terms is not None:
            run = run * terms[n, None, :, None, None]
        found.append(run.sum((1, 2)))
    return torch.stack(found, 1).reshape(x.shape[0], len(sizes), *x.shape[2:])
'''.strip()
BEFORE = '''
def sums_before(x: Tensor) -> Tensor:
    """For each member the sum of those before it; x [..., F, D]. Up to 64 a triangular product is quicker (measured)."""
    members = x.shape[-2]
    if members > 64:
        return F.pad(x.cumsum(-2)[..., :-1, :], (0, 0, 1, 0))
    return torch.ones(members, members, dtype=x.dtype, device=x.device).tril(-1) @ x
'''.strip()
SPELLED = '''
def weighed_sums(x: Tensor, sizes: tuple[int, ...], weights: Tensor) -> Tensor:
    """The same subset by subset, weights [S] for all subsets one size after the other: C(F, k) products each."""
    x_BFD, found, start = x.flatten(2) if x.dim() > 2 else x.unsqueeze(-1), [], 0
    for size in sizes:
        sets = torch.combinations(torch.arange(x.shape[1], device=x.device), size)
        product = x_BFD.index_select(1, sets[:, 0])
        for column in range(1, size):
            product = product * x_BFD.index_select(1, sets[:, column])
        found.append((weights[start : start + len(sets), None] * product).sum(1))
        start += len(sets)
    return torch.stack(found, 1).reshape(x.shape[0], len(sizes), *x.shape[2:])
'''.strip()


def subset_sum(emitter: Emitter, key: int, node: SubsetSum) -> None:
    """By the factors of the weights where `choices` has them, else by the weights."""
    emitter.functions |= {"sums_before": BEFORE, "symmetric_sums": SYMMETRIC}
    x = emitter.fetch(node.members, True, full=True, batched=True)
    sizes = repr(node.sizes)
    text = f"symmetric_sums({x}, {sizes})"
    if node.weights is not None:
        emitter.functions["weighed_sums"] = SPELLED
        gate = emitter.graph[node.weights.node]
        assert isinstance(gate, DecisionNode)
        decided = emitter.graph.decision(gate.name)
        assert decided.factors is not None
        name = f'"{escaped(gate.name)}:factors"'
        factors = emitter.rows(f"choices[{name}]", np.array(node.groups), 0, len(decided.factors.groups), True, True)
        if node.places != tuple(range(len(decided.factors.members))):
            factors = f"{factors}.index_select(2, {emitter.constant(node.places)})"
        if decided.factors.ranks is not None:
            terms = f'choices["{escaped(gate.name)}:terms"]'
            groups = len(decided.factors.groups)
            factors = f"{factors}, {emitter.rows(terms, np.array(node.groups), 0, groups, True, True)}"
        weights = emitter.fetch(node.weights, True, full=True)
        text = (
            f"symmetric_sums({x}, {sizes}, {factors}) if {name} in choices else weighed_sums({x}, {sizes}, {weights})"
        )
    emitter.define(key, node, text if in_family(node) else f"({text})[:, 0]", True)

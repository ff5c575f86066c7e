"""Costs in what is minimized, as gradients see them: of what is expected instead of one architecture.

`minimize logloss + 0.1 * relu(parameters(e) / 30% - 1)` is computed with E[parameters] in the place of what an architecture has. What
else it reads of decisions is as in the architecture that weighs most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.evaluate import Evaluator
from recspace.compiler.ir import Cost, Graph, Operator, Ref
from recspace.compiler.penalties import charges

ON_TENSORS: Mapping[str, Callable[..., Tensor]] = {
    "+": torch.add, "-": torch.sub, "*": torch.mul, "/": torch.div, "^": torch.pow,
    "negate": torch.neg, "abs": torch.abs, "relu": torch.relu, "log": torch.log, "exp": torch.exp, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}  # fmt: skip


def costs_in(graph: Graph) -> tuple[int, ...]:
    """The costs that are a part of what is minimized."""
    reached = graph.ancestors([ref.node for ref, _ in charges(graph)])
    return tuple(key for key in sorted(reached) if isinstance(graph[key], Cost))


def charge(graph: Graph, expected: Mapping[int, Tensor], evaluator: Evaluator, device: torch.device) -> Tensor:
    """What is added to the loss. `expected`: of every cost, by its node, in the unit of the space; `evaluator`: of all else."""

    def value(ref: Ref, row: int) -> Tensor:
        node, at = graph[ref.node], int(ref.rows.array[row])
        if isinstance(node, Cost):
            return expected[ref.node]
        if not any(isinstance(graph[k], Cost) for k in graph.ancestors([ref.node])):
            found: Any = evaluator.row(ref.node, at)
            return torch.tensor(float(found), device=device)
        assert isinstance(node, Operator)
        return ON_TENSORS[node.operator](*(value(operand, at) for operand in node.operands))

    return torch.stack([sign * value(ref, 0) for ref, sign in charges(graph)]).sum()

"""What gates may be, given what others are: `prior first[u, i] * first[u, j] + p2 * (…)` (BP-FIS, SIGIR 2019, equation 25).

A prior is read off the graph of the space, and computed for all elements at once as a function of other gates. Where it
is 0 or 1 a gate has no choice: whoever draws or settles gates in the order of the graph keeps heredity exactly. A node's
values lie flat, row by row of the node, a row over the values of a field once for each of them: N numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from recspace.compiler.decisions import Architecture, Decision, Options, opened, packed
from recspace.compiler.evaluate import copies_of
from recspace.compiler.ir import Constant, DecisionNode, Graph, Merge, Node, Operator, Ref
from recspace.compiler.unfinished import not_yet

from .choices import Fixed

ARITHMETIC: Mapping[str, Callable[..., Tensor]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "negate": lambda a: -a,
    "not": lambda a: 1 - a,
    "and": lambda a, b: a * b,
    "or": lambda a, b: a + b - a * b,
}
"""What a prior may compute of gates; each has a gradient."""

ROUNDING = 1e-6

Draw = Callable[[str, Tensor, Tensor | None], Tensor]
"""(decision, its elements [N], their prior in 0..1 [N] or None) → the gates [N]."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Where the N numbers of a reader stand among those of a node."""

    node: int
    at: Tensor


@dataclass(frozen=True, slots=True)
class Computed:
    """One node of a prior."""

    key: int
    operator: str
    operands: tuple[Operand, ...]
    constant: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Elements of a decision that are drawn together, once what their prior reads is there."""

    key: int
    name: str
    elements: Tensor
    prior: Operand | None


def certain(prior: Tensor) -> Tensor:
    """The prior within 0..1; what rounding keeps from 0 or 1 is exactly that. Gradients stay."""
    change = prior - prior.detach()
    return torch.where(prior < ROUNDING, change, torch.where(prior > 1 - ROUNDING, 1 + change, prior))


class Heredity:
    """All gates of a space in an order in which each comes after those that its prior reads.

    Raises SpaceError (S0630) for a prior that is more than arithmetic on gates and numbers.
    """

    def __init__(self, graph: Graph, decisions: tuple[Decision, ...], device: torch.device | None = None) -> None:
        self._graph, self._device = graph, device or torch.device("cpu")
        # Of what is no gate there are no priors, which is refused below; without one it is drawn by itself.
        self._decisions = {d.name: d for d in decisions if d.prior or all(o.kind == "gate" for o in d.domains)}
        self._counts: dict[int, list[int]] = {}
        found = [(k, n) for k, n in graph.items() if isinstance(n, DecisionNode) and n.name in self._decisions]
        self._sizes = {
            field: copies_of(self._decisions[node.name], int(element))
            for _, node in found
            for field, element in zip(node.index.values, node.elements.array, strict=False)
        }
        needed = graph.ancestors([n.prior.node for _, n in found if n.prior is not None])
        self._steps: list[Computed | Drawn] = []
        nodes = dict(found)
        for key, node in graph.items():
            if key in nodes:
                self._steps.append(self._drawn(key, nodes[key]))
            elif key in needed:
                self._steps.append(self._computed(key, node))

    def gates(self, draw: Draw) -> dict[str, Tensor]:
        """Every decision [E], its elements as `draw` says when it is told their prior."""
        values: dict[int, Tensor] = {}
        parts: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for step in self._steps:
            if isinstance(step, Computed):
                read = [values[o.node].index_select(0, o.at) for o in step.operands]
                values[step.key] = step.constant if step.constant is not None else ARITHMETIC[step.operator](*read)
                continue
            prior = None
            if step.prior is not None:
                prior = certain(values[step.prior.node].index_select(0, step.prior.at))
            values[step.key] = draw(step.name, step.elements, prior)
            parts.setdefault(step.name, []).append((step.elements, values[step.key]))
        return {name: self._whole(self._decisions[name], own) for name, own in parts.items()}

    def obeyed(self, architecture: Architecture, fixed: Fixed) -> dict[str, Options]:
        """The architecture with every gate as its prior has it, where that leaves no choice. What is fixed stays."""
        wanted = {n: torch.from_numpy(opened(architecture[n]).astype(np.float32)) for n in self._decisions}

        def draw(name: str, at: Tensor, prior: Tensor | None) -> Tensor:
            own = wanted[name][at]
            kept = own if prior is None else torch.where((prior > 0) & (prior < 1), own, prior)
            return fixed.weights(name, self._spread(name, at, kept))[at]

        taken = {name: self._options(name, gates) for name, gates in self.gates(draw).items()}
        return {**architecture, **taken}

    def _options(self, name: str, gates: Tensor) -> Options:
        on = gates.numpy() == 1
        return packed(on) if self._decisions[name].packed else tuple(map(int, on.tolist()))

    def _spread(self, name: str, at: Tensor, values: Tensor) -> Tensor:
        return values.new_zeros(self._decisions[name].elements).index_copy(0, at, values)

    def _whole(self, decision: Decision, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
        result = torch.zeros(decision.elements, device=self._device)
        for at, values in parts:
            result = result.index_copy(0, at, values)
        return result

    # -- reading the graph -------------------------------------------------------------------------------------

    def _drawn(self, key: int, node: DecisionNode) -> Drawn:
        decision = self._decisions[node.name]
        if node.prior is not None and any(d.kind != "gate" for d in decision.domains):
            raise not_yet(node.span, "a prior of what is no gate")
        copies = [copies_of(decision, e) for e in range(max(len(decision.counts), int(node.elements.array.max()) + 1))]
        starts = [0, *accumulate(copies)]
        elements = np.concatenate([np.arange(starts[e], starts[e] + copies[e]) for e in node.elements.array])
        prior = None if node.prior is None else self._operand(key, node, node.prior)
        return Drawn(key, node.name, self._index(elements), prior)

    def _computed(self, key: int, node: Node) -> Computed:
        match node:
            case Constant(values=values) if values.ndim == 1:
                flat = np.repeat(values, self._counts_of(key, node))
                return Computed(key, "", (), torch.tensor(flat, dtype=torch.float32, device=self._device))
            case Operator(operator=operator, operands=operands) if operator in ARITHMETIC:
                return Computed(key, operator, tuple(self._operand(key, node, o) for o in operands))
            case _:
                raise not_yet(node.span, "a prior that is more than arithmetic on gates and numbers")

    def _operand(self, key: int, node: Node, ref: Ref) -> Operand:
        source = self._graph[ref.node]
        if isinstance(source, Merge):
            raise not_yet(node.span, "a prior that differs in kind between elements")
        mine, theirs = self._counts_of(key, node), self._counts_of(ref.node, source)
        starts = [0, *accumulate(theirs)]
        if source.index.values and not node.index.values:
            raise not_yet(node.span, "a prior over all values of a field")
        found = [
            np.arange(starts[r], starts[r] + n) if source.index.values else np.full(n, starts[r])
            for r, n in zip(ref.rows.array.tolist(), mine, strict=True)
        ]
        return Operand(ref.node, self._index(np.concatenate(found)))

    def _counts_of(self, key: int, node: Node) -> list[int]:
        """How many numbers each row of a node stands for."""
        if key not in self._counts:
            sizes = [self._sizes[field] for field in node.index.values]
            self._counts[key] = sizes or [1] * len(node.index)
        return self._counts[key]

    def _index(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(self._device)
